/* The error object of the CNI specification, which the runtime reads when a call fails. */
#ifndef CNI_ERROR_H
#define CNI_ERROR_H

#include "frame.h"

enum cni_code {
	CNI_BAD_ENVIRONMENT = 4,
	CNI_IO_FAILURE = 5,
	CNI_UNDECODABLE = 6,
	CNI_BAD_CONFIGURATION = 7,
	CNI_TRY_AGAIN = 11,
	CNI_NOT_AVAILABLE = 50,
	CNI_LIMITED = 51,
	CNI_DELEGATE = 100,
	CNI_OTHER = 999,
};

/* A message in pieces: printf would double the size of the binary. */
#define TEXT(...) ((const char *const[]){__VA_ARGS__, NULL})

struct span join_text(const char *const *pieces);

/* strerror, without texts that a runtime takes for success. */
const char *error_text(int error);
void print_error(enum cni_code code, struct span message, struct span details);

#endif
