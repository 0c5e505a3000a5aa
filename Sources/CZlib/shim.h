#pragma once
// zlib's initialiser is a macro: here as a function, for a gzip stream (RFC 1952) and nothing else.
#include <zlib.h>

static inline int cp_inflate_gzip_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// Only for what makes gzip: tests and measurements.
static inline int cp_deflate_gzip_init(z_stream *stream) {
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

/// Quick rather than small: a batch of usage shrinks to about a tenth either way.
static inline int cp_deflate_gzip_init_quick(z_stream *stream) {
    return deflateInit2(stream, 3, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
