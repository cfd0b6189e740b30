"""Writes by scripts that are answered once what they wrote is where it must be.

Apart from what may be asked for, which the settings read: what reads them must not load a client. Loaded before gevent
has patched it, a client's TLS would block all of a worker.
"""

from collections.abc import Sequence
from typing import Any

from redis.commands.core import Script
from redis.exceptions import NoScriptError, RedisError

from events.assurance import Assurance
from events.scripts import Client


class Unassured(RedisError):
    """It stands in the log and not yet where it must; asked for again with the same ids, nothing is done twice."""


class Assured:
    """Runs scripts that write; the answer comes once what they wrote is where it must be."""

    def __init__(self, client: Client, assurance: Assurance) -> None:
        self._client = client
        self._assurance = assurance

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], mark: str = "") -> Any:
        """The script's answer. Raises Unassured.

        `mark`: a key to write behind a script that may find its work done already. WAIT asks for the connection's own
        writes, and would be content at once; the mark stands behind whatever was written before, by anybody.
        """
        if not self._assurance.command:
            return script(keys, arguments)
        try:
            answer, *_, reply = self._wait_for(script, keys, arguments, mark)
        except NoScriptError:  # sent again to a server that has been started meanwhile
            answer, *_, reply = self._wait_for(script, keys, arguments, mark)
        if not self._assurance.is_met(reply):
            raise Unassured(f"in the log, but {self._assurance.command} was answered {reply}")
        return answer

    def _wait_for(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], mark: str
    ) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        script(keys, arguments, client=pipeline)
        if mark:
            pipeline.set(mark, "")
        pipeline.execute_command(*self._assurance.command)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers
