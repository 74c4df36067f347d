/* What the shim leaves on disk for a sandbox, and what the daemon left there for it. */
#ifndef NOTE_H
#define NOTE_H

#include "cni_call.h"

/* Paths below the directory of the compiled chains. */
const char *primary_path(void);
const char *stand_in_path(void);
const char *note_path(const char *id);
const char *deletion_path(const char *id);
const char *ledger_path(const char *id);

bool is_there(const char *path);

/* A note is there before its first plugin runs. The rest of it is written through the descriptor; false, with errno, on failure. */
int note_begin(const char *id, const struct chain *chain, const struct call *call);
bool note_result(int note, struct span result);

#endif
