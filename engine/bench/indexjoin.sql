-- Index joins and double reads over the tables of TPC-H, from one customer to a hundred thousand outer rows.
-- setup
create index i_o_custkey on orders (o_custkey);
create index i_l_partkey on lineitem (l_partkey);
create index i_l_suppkey on lineitem (l_suppkey);
-- name: j1 secondary index, then inner rows by a prefix of the key
select count(*), sum(l_extendedprice) from orders join lineitem on l_orderkey = o_orderkey where o_custkey between 1000 and 2000;
-- name: j2 inner rows by primary key
select count(*), sum(c_acctbal) from orders join customer on c_custkey = o_custkey where o_orderkey between 1000000 and 1400000;
-- name: j3 inner rows by secondary index, double read
select count(*), sum(l_extendedprice) from part join lineitem on l_partkey = p_partkey where p_partkey between 1000 and 5000;
-- name: j4 double read
select count(*), sum(l_quantity) from lineitem where l_partkey between 50000 and 51000;
-- name: j5 three tables, one customer
select count(*), sum(l_extendedprice) from customer join orders on o_custkey = c_custkey join lineitem on l_orderkey = o_orderkey where c_custkey = 12345;
-- name: j6 order kept, early stop
select o_orderkey, o_orderdate, l_linenumber, l_quantity from orders join lineitem on l_orderkey = o_orderkey where o_custkey > 100000 order by o_custkey, o_orderkey, l_linenumber limit 10;
-- name: j7 semi join
select count(*) from customer where c_nationkey = 7 and exists (select 1 from orders where o_custkey = c_custkey and o_totalprice > 300000);
-- name: j8 anti join
select count(*) from customer where c_custkey between 1 and 20000 and not exists (select 1 from orders where o_custkey = c_custkey);
-- name: j9 one order by its key
select count(*), sum(l_quantity) from orders join lineitem on l_orderkey = o_orderkey where o_orderkey = 1000;
