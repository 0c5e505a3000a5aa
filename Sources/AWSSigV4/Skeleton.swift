// Filled by its builder.
