//! JSON values: what a column of type JSON holds.
//!
//! **The problem.** A document is written once and then asked for small parts of it, often by a path (`j->'$.a.b'`) and
//! for every row. As text it would be parsed for each question; and text has many forms for one value, while MySQL shows
//! one: members sorted, no duplicates, one blank after each comma and colon.
//!
//! **The form.** A value is a compact string of bytes ([`encode`]), held in an Arrow `BinaryView` column like a BLOB, so
//! that storage needs to know nothing of it. It is one byte for the kind and then what belongs to it; arrays and objects
//! begin with a table of where their members end, as in MySQL's and TiDB's forms:
//!
//! ```text
//! scalar  kind                        literals
//!         kind, 8 bytes               numbers, DATETIME, TIME
//!         kind, bytes to the end      strings
//! array   kind, count, end[count], values
//! object  kind, count, (end of key, end of value)[count], keys, values
//! ```
//!
//! Keys are sorted by length and then by bytes, as MySQL has it, so a member is found by binary search without a look at the
//! others ([`JsonRef::member`]), an element by its number, and what is found is a slice of the document. All numbers are
//! little-endian and 32 bits wide where they are lengths. Reading never fails: bytes that are no document read as `null`.
//!
//! | module | what |
//! |---|---|
//! | [`Json`] (`tree`) | a document as a tree, for whoever builds or changes one |
//! | [`JsonRef`] (`view`) | a document as bytes, for whoever reads one |
//! | `parse` | text to a tree, with MySQL's words for what is wrong |
//! | `print` | a document as text, in one line or pretty |
//! | `order` | comparison, and keys whose bytes compare as the documents do |
//!
//! **Order.** Values of different kinds have MySQL's order: `null` is least, then numbers, strings, objects, arrays,
//! booleans, dates, times, datetimes, and bytes. Numbers compare by value, whichever form they have; objects, for which
//! MySQL promises nothing but that equal ones are equal, by their number of members, then member by member.
//! [`order_key`] makes a string of bytes whose order is that of the documents: what sorts, joins or groups by JSON sorts,
//! joins or groups by these, and needs to know nothing of JSON either.
//!
//! **What was left out.** There is no DECIMAL among the kinds: exact numbers with a fraction become doubles, as in TiDB.
//! Doubles print as TiDB prints them: `3.0` as `3`, and exponents only from 1e21 on and below 1e-6. A document is changed
//! by building it anew; there are no updates in place.

mod order;
mod parse;
mod print;
mod tree;
mod view;

pub use order::{compare_json, order_key};
pub use parse::{JsonFault, parse_json};
pub use print::{print_json, print_pretty, quote};
pub use tree::{Json, encode, sort_members};
pub use view::{Array, JsonRef, Object, View};

/// How deep arrays and objects may be nested, a scalar being of depth 1.
pub const DEPTH_MAX: usize = 100;

/// The first byte of a value.
mod kind {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const UINT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const STRING: u8 = 6;
    pub const OPAQUE: u8 = 7;
    pub const DATE: u8 = 8;
    pub const DATETIME: u8 = 9;
    pub const TIME: u8 = 10;
    pub const ARRAY: u8 = 11;
    pub const OBJECT: u8 = 12;
}

#[cfg(test)]
mod tests;
