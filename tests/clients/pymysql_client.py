"""PyMySQL: every type, multi-statements, transactions, errors, LOAD DATA LOCAL. Usage: pymysql_client.py PORT."""

import datetime
import decimal
import os
import sys
import tempfile

import pymysql
from pymysql.constants import CLIENT

PORT = int(sys.argv[1])


def connect(**options):
    return pymysql.connect(host="127.0.0.1", port=PORT, user="root", database="test", charset="utf8mb4", **options)


def one(connection, sql, *args):
    with connection.cursor() as cursor:
        cursor.execute(sql, args or None)
        return cursor.fetchall()


def fails(code, function, *args):
    try:
        function(*args)
    except pymysql.MySQLError as error:
        assert error.args[0] == code, error
    else:
        raise AssertionError(f"error {code} was expected")


db = connect()
assert db.get_server_info().startswith("8.0.11-TiDB-"), db.get_server_info()
one(db, "create table py (id int primary key auto_increment, s varchar(50), b varbinary(50), d decimal(10,2), t datetime(6), "
        "day date, span time, f double, u bigint unsigned, flag tinyint)")
row = ("h\u00e9llo '\\ \u2603 \n%", bytes(range(0, 250, 5)), decimal.Decimal("-12345.67"),
       datetime.datetime(2024, 2, 29, 23, 59, 59, 123456), datetime.date(1999, 12, 31), datetime.timedelta(hours=-30, seconds=5),
       1.5e-7, 2**64 - 1, 1)
columns = "s, b, d, t, day, span, f, u, flag"
with db.cursor() as cursor:
    assert cursor.execute(f"insert into py ({columns}) values (%s,%s,%s,%s,%s,%s,%s,%s,%s)", row) == 1
    assert cursor.lastrowid == 1
    assert cursor.executemany("insert into py (s) values (%s)", [("a",), ("b",), (None,)]) == 3
assert one(db, f"select {columns} from py where id = 1") == (row,)
# PyMySQL switches autocommit off.
assert one(connect(), "select count(*) from py") == ((0,),)
db.commit()
assert one(connect(), "select count(*) from py") == ((4,),)
one(db, "delete from py")
db.rollback()
assert one(db, "select s from py where id > %s order by id", 1) == (("a",), ("b",), (None,))

# Bytes that are no text, as a program writes them that escapes them itself.
with connect(autocommit=True) as raw:
    raw._execute_command(3, b"insert into py (id, b) values (99, _binary'\xff\\'\xfe')")
    raw._read_query_result()
    assert one(raw, "select b from py where id = 99") == ((b"\xff'\xfe",),)
    fails(1300, lambda: (raw._execute_command(3, b"select \xff"), raw._read_query_result()))

many = connect(client_flag=CLIENT.MULTI_STATEMENTS)
with many.cursor() as cursor:
    cursor.execute("select 1; select 2 union all select 3; update py set s = 'x' where id = 2; select 'a;b'")
    seen = []
    while True:
        seen.append(cursor.fetchall() if cursor.description else cursor.rowcount)
        if not cursor.nextset():
            break
assert seen == [((1,),), ((2,), (3,)), 1, (("a;b",),)], seen
many.rollback()

fails(1146, one, db, "select * from nope")
fails(1064, one, db, "selec 1")
fails(1062, one, db, "insert into py (id) values (1)")
fails(1049, db.select_db, "nope")
fails(8130, one, db, "select 1; select 2")
db.ping()
db.select_db("information_schema")
assert one(db, "select database()") == (("information_schema",),)
db.select_db("test")
assert one(db, "select @@autocommit, @@tx_isolation, @@character_set_client") == ((0, "REPEATABLE-READ", "utf8mb4"),)
with connect(cursorclass=pymysql.cursors.SSCursor) as stream, stream.cursor() as cursor:
    cursor.execute("select a.id from py a, py b, py c")
    assert cursor.fetchone() is not None and len(cursor.fetchall()) == 124

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "rows.csv")
    with open(path, "w", newline="") as file:
        file.write("id,name\n")
        file.writelines(f'{i},"name, {i}"\n' for i in range(1, 100_001))
        file.write("100001,NULL\n")
    loader = connect(local_infile=True, autocommit=True)
    one(loader, "create table loaded (id int primary key, name varchar(20), n int default 7)")
    sql = (f"load data local infile '{path}' into table loaded fields terminated by ',' optionally enclosed by '\"' "
           "lines terminated by '\\n' ignore 1 lines (id, name)")
    with loader.cursor() as cursor:
        assert cursor.execute(sql) == 100_001
    assert one(loader, "select count(*), sum(id), min(name), sum(n) from loaded") == (
        (100_001, 5_000_150_001, "name, 1", 700_007),)
    assert one(loader, "select id from loaded where name is null") == ((100_001,),)
    # Every key is there by now, and what is LOCAL passes over it.
    with loader.cursor() as cursor:
        assert cursor.execute(sql) == 0
    assert one(loader, "select count(*) from loaded") == ((100_001,),)
    # A client that gives no files is left with no transaction that it has not begun.
    without = connect(local_infile=False, autocommit=True)
    fails(1148, one, without, sql)
    one(without, "insert into loaded (id) values (100002)")
    assert one(loader, "select count(*) from loaded") == ((100_002,),)
told = connect(program_name="tried")
assert ("program_name", "tried") in one(
    told, "select attr_name, attr_value from performance_schema.session_account_connect_attrs "
    "where processlist_id = connection_id()")
print("ok")
