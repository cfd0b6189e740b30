"""What a database means to do for a query."""

from typing import Any

from sqlalchemy import ClauseElement, Engine


def explain(engine: Engine, query: ClauseElement) -> list[dict[str, Any]]:
    """The database's own plan of a query, its values written out."""
    prefix = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        compiled = query.compile(dialect=engine.dialect, compile_kwargs={"render_postcompile": True})
        values = {
            name: bind.type.dialect_impl(engine.dialect).bind_processor(engine.dialect)
            for name, bind in compiled.binds.items()
        }
        parameters = {
            name: convert(value) if (convert := values.get(name)) else value
            for name, value in compiled.params.items()
        }
        if compiled.positional:
            ordered = tuple(parameters[name] for name in compiled.positiontup)
            rows = connection.exec_driver_sql(prefix + str(compiled), ordered)
        else:
            rows = connection.exec_driver_sql(prefix + str(compiled), parameters)
        return [dict(row._mapping) for row in rows]
