/* A JSON scanner: it finds where values begin and end, and builds nothing from them. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "frame.h"

/* A member of an object: the key's characters as they are written, without the quotes, and the whole value. */
struct member {
	struct span key, value;
};

/* The text's value, without the blanks around it; false where the text is not exactly one value. */
bool scan_value(struct span text, struct span *value);

/* The text between the braces of a value that was scanned; false where it is no object. */
bool scan_open(struct span object, struct span *members);

/* Removes the first member; false where none is left. */
bool scan_next(struct span *members, struct member *member);

/* The value of the member of that name; false where the object has none, or more than one, or a key with escapes. */
bool scan_find(struct span object, const char *name, struct span *value);

bool is_escaped(struct span string);

/* Adds the characters of a string value, in UTF-8; nothing where it is no string. */
void buffer_unescaped(struct buffer *buffer, struct span string);

#endif
