//! Records in every form.
