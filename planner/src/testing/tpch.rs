//! The schema and the queries of TPC-H.

use super::FakeCatalog;
use crate::stats::TableStats;

const SCHEMA: &str = "
create table region (r_regionkey bigint not null, r_name char(25) not null, r_comment varchar(152), primary key (r_regionkey));
create table nation (n_nationkey bigint not null, n_name char(25) not null, n_regionkey bigint not null, n_comment varchar(152), primary key (n_nationkey));
create table part (p_partkey bigint not null, p_name varchar(55) not null, p_mfgr char(25) not null, p_brand char(10) not null, p_type varchar(25) not null, p_size bigint not null, p_container char(10) not null, p_retailprice decimal(15,2) not null, p_comment varchar(23) not null, primary key (p_partkey));
create table supplier (s_suppkey bigint not null, s_name char(25) not null, s_address varchar(40) not null, s_nationkey bigint not null, s_phone char(15) not null, s_acctbal decimal(15,2) not null, s_comment varchar(101) not null, primary key (s_suppkey));
create table partsupp (ps_partkey bigint not null, ps_suppkey bigint not null, ps_availqty bigint not null, ps_supplycost decimal(15,2) not null, ps_comment varchar(199) not null, primary key (ps_partkey, ps_suppkey));
create table customer (c_custkey bigint not null, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey bigint not null, c_phone char(15) not null, c_acctbal decimal(15,2) not null, c_mktsegment char(10) not null, c_comment varchar(117) not null, primary key (c_custkey));
create table orders (o_orderkey bigint not null, o_custkey bigint not null, o_orderstatus char(1) not null, o_totalprice decimal(15,2) not null, o_orderdate date not null, o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority bigint not null, o_comment varchar(79) not null, primary key (o_orderkey));
create table lineitem (l_orderkey bigint not null, l_partkey bigint not null, l_suppkey bigint not null, l_linenumber bigint not null, l_quantity decimal(15,2) not null, l_extendedprice decimal(15,2) not null, l_discount decimal(15,2) not null, l_tax decimal(15,2) not null, l_returnflag char(1) not null, l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null, l_shipinstruct char(25) not null, l_shipmode char(10) not null, l_comment varchar(44) not null, primary key (l_orderkey, l_linenumber));
";

/// Rows at scale factor 1.
const ROWS: [(&str, u64); 8] = [
    ("region", 5),
    ("nation", 25),
    ("part", 200_000),
    ("supplier", 10_000),
    ("partsupp", 800_000),
    ("customer", 150_000),
    ("orders", 1_500_000),
    ("lineitem", 6_001_215),
];

macro_rules! query {
    ($number:literal) => {
        include_str!(concat!("../../../engine/bench/tpch/queries/q", $number, ".sql"))
    };
}

/// The eight tables, with their numbers of rows and no other statistics.
pub(crate) fn catalog() -> FakeCatalog {
    let mut catalog = FakeCatalog::new(SCHEMA);
    for (table, rows) in ROWS {
        catalog.set_stats(table, TableStats { rows, ..TableStats::pseudo() });
    }
    catalog
}

/// The 22 queries with the standard's validation parameters, the benchmark's own copy.
pub(crate) const QUERIES: [&str; 22] = [
    query!("01"),
    query!("02"),
    query!("03"),
    query!("04"),
    query!("05"),
    query!("06"),
    query!("07"),
    query!("08"),
    query!("09"),
    query!("10"),
    query!("11"),
    query!("12"),
    query!("13"),
    query!("14"),
    query!("15"),
    query!("16"),
    query!("17"),
    query!("18"),
    query!("19"),
    query!("20"),
    query!("21"),
    query!("22"),
];
