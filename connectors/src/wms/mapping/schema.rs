//! The JSON Schema of mappings.
