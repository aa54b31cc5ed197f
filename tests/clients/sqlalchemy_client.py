"""SQLAlchemy over PyMySQL, core and ORM: create_all, reflect, insert, query, rollback. Usage: sqlalchemy_client.py PORT."""

import datetime
import decimal
import sys

from sqlalchemy import (BigInteger, Column, Date, DateTime, Double, Index, Integer, LargeBinary, MetaData, Numeric, String, Table,
                        Text, create_engine, delete, exc, func, inspect, insert, select, text, update)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine(f"mysql+pymysql://root@127.0.0.1:{sys.argv[1]}/test?charset=utf8mb4")

# Core.
metadata = MetaData()
pets = Table(
    "pets", metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(50), nullable=False),
    Column("weight", Numeric(8, 3)),
    Column("born", Date),
    Column("seen", DateTime),
    Column("notes", Text),
    Column("photo", LargeBinary),
    Column("speed", Double),
    Column("chip", BigInteger),
    Index("pets_by_name", "name"),
)
metadata.create_all(engine)
metadata.create_all(engine)
rex = dict(id=1, name="Rex", weight=decimal.Decimal("12.500"), born=datetime.date(2019, 5, 1),
           seen=datetime.datetime(2024, 1, 2, 3, 4, 5), notes="it's \u2603 100%", photo=b"\x89PNG\xff\x00", speed=1.25, chip=2**40)
with engine.begin() as connection:
    connection.execute(insert(pets), rex)
    connection.execute(insert(pets), [dict(id=i, name=f"pet {i}") for i in range(2, 12)])
with engine.connect() as connection:
    assert connection.execute(select(pets).where(pets.c.id == 1)).one() == tuple(rex.values())
    assert connection.scalar(select(func.count()).select_from(pets).where(pets.c.name.like("pet 1%"))) == 2
    result = connection.execute(update(pets).where(pets.c.id > 9).values(name="old"))
    assert result.rowcount == 2
    # As SQLAlchemy wants it, rows count that were found, changed or not.
    assert connection.execute(update(pets).where(pets.c.id > 9).values(name="old")).rowcount == 2
    assert connection.execute(delete(pets).where(pets.c.id == 11)).rowcount == 1
    connection.rollback()
    assert connection.scalar(select(func.count()).where(pets.c.name == "old").select_from(pets)) == 0
    names = connection.execute(select(pets.c.name).order_by(pets.c.id.desc()).limit(2).offset(1)).scalars().all()
    assert names == ["pet 10", "pet 9"], names
    try:
        connection.execute(insert(pets), dict(id=1, name="again"))
        raise AssertionError("a duplicate key was expected")
    except exc.IntegrityError as error:
        assert error.orig.args[0] == 1062

# Reflection.
assert engine.dialect.server_version_info[:3] == (8, 0, 11), engine.dialect.server_version_info
seen = inspect(engine)
assert "pets" in seen.get_table_names() and not seen.has_table("nope")
assert {"test", "information_schema"} <= set(seen.get_schema_names())
reflected = Table("pets", MetaData(), autoload_with=engine)
assert [column.name for column in reflected.columns] == [column.name for column in pets.columns]
assert [column.name for column in reflected.primary_key] == ["id"]
assert {index.name for index in reflected.indexes} == {"pets_by_name"}
assert isinstance(reflected.c.weight.type, Numeric) and reflected.c.weight.type.scale == 3
assert not reflected.c.name.nullable and reflected.c.name.type.length == 50
with engine.connect() as connection:
    assert connection.execute(select(reflected.c.weight).where(reflected.c.id == 1)).scalar() == decimal.Decimal("12.500")


# ORM.
class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    author_id: Mapped[int] = mapped_column()


Base.metadata.create_all(engine)
with Session(engine) as session:
    authors = [Author(name="Ann"), Author(name="Bob")]
    session.add_all(authors)
    session.flush()
    assert authors[0].id and authors[1].id == authors[0].id + 1
    session.add_all(Book(title=f"book {i}", author_id=authors[i % 2].id) for i in range(5))
    session.commit()
with Session(engine) as session:
    query = (select(Author.name, func.count(Book.id)).join(Book, Book.author_id == Author.id)
             .group_by(Author.name).order_by(Author.name))
    assert session.execute(query).all() == [("Ann", 3), ("Bob", 2)]
    ann = session.scalars(select(Author).where(Author.name == "Ann")).one()
    ann.name = "Anna"
    session.flush()
    assert session.scalar(select(func.count()).select_from(Author).where(Author.name == "Anna")) == 1
    session.rollback()
    assert session.get(Author, ann.id).name == "Ann"
    session.delete(session.scalars(select(Book).limit(1)).one())
    session.commit()
    assert session.scalar(select(func.count()).select_from(Book)) == 4
Base.metadata.drop_all(engine)
metadata.drop_all(engine)
assert inspect(engine).get_table_names() == []
with engine.connect() as connection:
    assert connection.execute(text("select :a + 1"), {"a": 41}).scalar() == 42
print("ok")
