"""A real MariaDB as a plain process, without privileges, systemd or a container."""

import os
import shutil
import subprocess
from itertools import count
from pathlib import Path

import pymysql

from tests.support.needs import find
from tests.support.process import child_environment
from tests.support.server import Server

# Small, so that a data directory is copied in no time. What a commit promises is left as the server has it by
# default: flushed to disk (innodb_flush_log_at_trx_commit=1).
_OPTIONS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--character-set-server=utf8mb4",
    "--local-infile=1",
)
_CONNECT_TIMEOUT_S = 2
_names = count(1)


class MariaDBServer(Server):
    """MariaDB on a free port. `template` is an installed data directory to copy; `options` are further flags."""

    name = "mariadb"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        template: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__(directory, port=port)
        self.data_dir = directory / "data"
        self.template = template
        self.options = options

    def prepare(self) -> None:
        super().prepare()
        if self.data_dir.exists():
            return
        if self.template is None:
            install_data_dir(self.data_dir)
        else:
            shutil.copytree(self.template, self.data_dir)

    def command(self) -> list[str]:
        return [
            find("mariadbd", "mysqld"),
            *_common_options(self.data_dir),
            f"--socket={self._socket_path()}",
            f"--port={self.port}",
            f"--pid-file={self.directory / 'mariadb.pid'}",
            *_OPTIONS,
            *self.options,
        ]

    def _socket_path(self) -> str:
        # Relative to the data directory: an absolute one may pass the 107 bytes that a socket's path may have.
        return "s.sock"

    def is_ready(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        """`mysql+pymysql://root@127.0.0.1:PORT/DATABASE`."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database}"

    def connect(
        self, database: str | None = None
    ) -> "pymysql.connections.Connection[pymysql.cursors.Cursor]":
        """An autocommit connection as root."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            local_infile=True,
            ssl_disabled=True,  # or PyMySQL loads the machine's CA certificates each time: 27 ms
        )

    def execute(self, statement: str, *, database: str | None = None) -> list[tuple[object, ...]]:
        """The rows of one statement on a connection of its own."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database; returns its name (made up when none is given)."""
        name = name or f"tally_{next(_names)}"
        self.execute(f"CREATE DATABASE `{name}`")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database and the connections that still use it: one idle transaction would block the drop."""
        self.disconnect_clients(name)
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def disconnect_clients(self, database: str) -> None:
        """Kill every connection whose current database this is."""
        rows = self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{database}'")
        for (connection_id,) in rows:
            try:
                self.execute(f"KILL CONNECTION {connection_id}")
            except pymysql.err.OperationalError as gone:
                if gone.args[0] != pymysql.constants.ER.NO_SUCH_THREAD:
                    raise


def install_data_dir(data_dir: Path) -> Path:
    """Make a fresh data directory whose root needs no password; returns it. What fails says why."""
    installed = subprocess.run(
        [
            find("mariadb-install-db", "mysql_install_db"),
            *_common_options(data_dir),
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=16M",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=child_environment(),
    )
    if installed.returncode != 0:
        raise RuntimeError(f"mariadb-install-db ended with {installed.returncode}:\n{installed.stdout}")
    return data_dir


def _common_options(data_dir: Path) -> list[str]:
    user = ["--user=root"] if os.geteuid() == 0 else []  # mariadbd refuses to be root unless told so
    # A server that starts removes what it finds in its tmpdir: in a shared one the tables that another is using.
    return ["--no-defaults", *user, f"--datadir={data_dir}", f"--tmpdir={data_dir}"]
