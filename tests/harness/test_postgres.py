"""The harness itself: PostgreSQL and Redis."""

from __future__ import annotations

import socket

import psycopg
import pytest

from tests.support.postgres import postgres_server
from tests.support.redis import redis_server


def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    """The database is empty and takes tables."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
        assert (1,) == connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()


def test_what_was_committed_outlives_a_crash() -> None:
    """A restart breaks connections, keeps the address, and a crash loses nothing that was committed."""
    with postgres_server() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id int)")
            server.crash()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        server.restart()
        with psycopg.connect(server.url) as connection:
            assert (0,) == connection.execute("SELECT count(*) FROM kept").fetchone()


@pytest.mark.network
def test_redis_answers() -> None:
    """The server answers a ping on its address."""
    with redis_server() as address:
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"PING\r\n")
            assert b"+PONG\r\n" == connection.recv(16)
