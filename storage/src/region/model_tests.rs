//! A region against a model.
