/* A RUN frame, read and validated. */
#ifndef ORDER_H
#define ORDER_H

#include "supervisor.h"

enum ordered { ORDER_GIVEN, ORDER_GARBAGE, ORDER_REFUSED, ORDER_NOT_FOUND };

/* The order points into the fields, and its path is valid until the next order is read. */
enum ordered order_read(struct span fields, struct order *order);

#endif
