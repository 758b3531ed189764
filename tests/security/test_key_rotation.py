"""Replacing the key: everything opens with the new one and nothing with the old one, wherever a rotation is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.app.keys import rotate_key
from skywrite.core.config import Config, load_config
from skywrite.core.errors import InputError
from skywrite.faces.cli.hints import hint_text
from skywrite.queue.vault import Vault, WrongKey, next_key
from skywrite.queue.webhooks import Webhooks
from skywrite.queue.workers import Workers
from skywrite.sandbox import SandboxTransport
from tests.support.desk import Desk
from tests.support.errors import fails
from tests.support.shell import Shell

HOURLY = "0 * * * *"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A queue with a session, a secret, a webhook and a command."""
    desk = Desk(tmp_path)
    config = desk.sky.context.config
    (config.home / "key").write_text(f"{config.key}\n")
    desk.sky.close()
    desk.sky = another(desk, config._replace(key=None))
    desk.sky.context.store.secrets.put("oauth", "client", "secret")
    desk.sky.context.store.settings.put("plain", "text", "c2VjcmV0")
    Webhooks(desk.sky.context.store).add("https://hooks.example/a")
    desk.sky.commands.add("echo Hello", every=HOURLY, folder=desk.folder)
    yield desk
    desk.close()


def another(desk: Desk, config: Config | None = None) -> Skywrite:
    """The same queue in a new process."""
    config = config or desk.sky.context.config
    return Skywrite(config=config, transport=SandboxTransport(desk.box), clock=desk.clock)


def test_everything_opens_with_the_new_key_alone(desk: Desk) -> None:
    """Sessions, secrets, webhooks and commands go on; a copy of the old key opens nothing."""
    home = desk.sky.context.config.home
    before = (home / "key").read_text()
    assert (1, 1, 1, 1) == tuple(rotate_key(desk.sky.context))
    after = (home / "key").read_text()
    assert (False, 0o600, ["key"]) == (
        before == after,
        (home / "key").stat().st_mode & 0o777,
        [path.name for path in home.iterdir() if path.name.startswith("key")],
    )
    with another(desk) as sky:
        did = sky.accounts.get().did
        assert ("secret", "c2VjcmV0") == (
            sky.context.store.secrets.get("oauth", "client"),
            sky.context.store.settings.get("plain", "text"),
        )
        assert sky.context.store.sessions.load(did) is not None
        desk.clock.advance(3600)
        sky.run_once()
    assert ["Hello"] == desk.published()
    (home / "key").write_text(before)
    with another(desk) as sky, pytest.raises(WrongKey):
        sky.context.store.sessions.load(did)


def test_a_rotation_that_was_cut_off_is_finished(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between its commit and the change of the file, it says so, and the next one only finishes it."""
    with monkeypatch.context() as patch:
        patch.setattr("skywrite.app.keys.finish_key", lambda config: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotate_key(desk.sky.context)
    did = desk.sky.accounts.get().did
    with another(desk) as sky, pytest.raises(WrongKey, match="was interrupted") as raised:
        sky.context.store.sessions.load(did)
    assert "skywrite keys rotate-encryption" in hint_text(raised.value.hint)
    with another(desk) as sky:
        assert (0, 0, 0, 0) == tuple(sky.rotate_key())
        assert sky.context.store.sessions.load(did) is not None


def test_a_rotation_that_was_cut_off_before_its_commit_begins_again(desk: Desk) -> None:
    """The key that was made for it is taken, and the old one works until then."""
    next_key(desk.sky.context.config)
    assert (1, 1, 1, 1) == tuple(rotate_key(desk.sky.context))


def test_the_wrong_key_changes_nothing(desk: Desk) -> None:
    """A key that opens nothing cannot be replaced."""
    config = desk.sky.context.config._replace(key="another passphrase")
    with another(desk, config) as sky, pytest.raises(WrongKey):
        rotate_key(sky.context, "a third one")
    assert desk.sky.context.store.sessions.load(desk.sky.accounts.get().did) is not None


def test_a_given_key_is_replaced_by_a_given_key(desk: Desk) -> None:
    """From the file's key to a passphrase's and on to another: what SKYWRITE_KEY says opens everything."""
    context, did = desk.sky.context, desk.sky.accounts.get().did
    with pytest.raises(InputError, match="made there"):
        rotate_key(context, "one")
    key = (context.config.home / "key").read_text().strip()
    with another(desk, context.config._replace(key=key)) as sky:
        with pytest.raises(InputError, match="SKYWRITE_KEY"):
            rotate_key(sky.context)
        rotate_key(sky.context, "a long passphrase")
    with another(desk, context.config._replace(key="a long passphrase")) as sky:
        assert sky.context.store.sessions.load(did) is not None


def test_workers_are_stopped_first(desk: Desk) -> None:
    """A worker would go on sealing with the old key."""
    Workers(desk.sky.context.store).beat("host/1/abc")
    with fails("worker.running"):
        rotate_key(desk.sky.context)
    assert 1 == rotate_key(desk.sky.context, force=True).sessions


def test_the_command(shell: Shell) -> None:
    """`skywrite keys rotate-encryption` says what it did, and posting goes on."""
    assert "sessions 1" in shell("keys", "rotate-encryption").out
    shell("post", "Hello")
    assert ["Hello"] == shell.posts()


def test_a_vault_looks_a_replaced_key_up_again(tmp_path: Path) -> None:
    """After a rotation the same process goes on with the new key."""
    vault = Vault.of(load_config({"SKYWRITE_HOME": str(tmp_path)}))
    sealed = vault.seal(b"x", "a")
    (tmp_path / "key").unlink()
    vault.forget()
    with pytest.raises(WrongKey):
        vault.unseal(sealed, "a")
