//! Deterministic simulation: whole clusters with their clients on one thread, under a clock that stands still unless nobody
//! has anything to do.
//!
//! A run is a function of its seed. The seed says which workload runs ([`workload`]), what goes wrong and when
//! ([`nemesis`]), how long each message takes, what each process does next, and which of them die in the middle of it. What
//! the processes did and heard is a history ([`history`]); when time is over the cluster is healed, everything is read once
//! more, and the workload's checker says what in the history should not be. [`run`] puts that together, and
//! `src/bin/simulate.rs` runs thousands.
//!
//! Workloads and checkers have the names and the meaning that Jepsen's tests of TiDB gave them:
//!
//! | name | what processes do | what must hold |
//! |---|---|---|
//! | `bank` | move money between accounts | every snapshot has all of it |
//! | `bank-multitable` | the same, each account in a table of its own | the same |
//! | `set` | add elements, read them all | what was acknowledged is there, what failed is not |
//! | `register` | read, write, compare and set single keys | one order that respects time explains it |
//! | `long-fork` | write keys once, read groups of them | any two readers agree on which came first |
//! | `monotonic` | increment counters | they never go back |
//! | `sequential` | write keys one after the other, read them the other way round | who sees a later one sees the earlier |
//! | `append` | append to lists, several in a transaction | no cycle of dependencies that snapshot isolation forbids |
//! | `table` | create, use and drop tables | who comes after sees them, or sees them gone |
//!
//! Processes speak with the storage client. In `sql-bank`, `sql-bank-multitable`, `sql-set`, `sql-register` and `sql-append` they
//! are sessions of a database ([`sql`]): the same is done and checked, in SQL. And some are about what only sessions do:
//!
//! | name | what processes do | what must hold |
//! |---|---|---|
//! | `sql-table` | define tables, indexes and partitions, and use them | who comes after sees them, or sees them gone |
//! | `sql-counter` | increment in statements by themselves, hold locks, roll back | each increment is there once, if it was acknowledged |
//! | `sql-queue` | take rows with `SKIP LOCKED` or `NOWAIT`, delete them or put them back | each is taken once, and had by one at a time |
//! | `sql-savepoint` | go back to savepoints | what is kept is there as a whole, the rest never |
//! | `sql-past` | move money, read as of times that have passed | at one time there is one answer, with all of it |
//! | `sql-kill` | kill statements, or limit their time | all of a statement is done or nothing, as its session was told |
//!
//! Each transaction goes about it in another way: optimistic or with locks first, in one phase, in two, or as an async commit
//! ([`rows::Style`]).
//!
//! Three outcomes are kept apart: what was done, what was surely not done, and what nobody knows. A process that dies, or
//! whose commit is undetermined, leaves the third, and checkers allow both.
//!
//! What a run costs is messages: about a hundred thousand in a second. Simulated waiting costs nothing.

pub mod append;
pub mod bank;
pub mod check;
pub mod history;
pub mod long_fork;
pub mod monotonic;
pub mod nemesis;
pub mod register;
pub mod rows;
pub mod run;
pub mod script;
pub mod sequential;
pub mod set;
pub mod sql;
pub mod table;
pub mod workload;
