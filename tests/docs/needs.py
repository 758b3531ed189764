"""What pages need before their blocks: posts of others, blogs, mail, servers, databases; and readers of one page only.

What lives here: functions that take a world. What does not: which page has which (`pages`).
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import psycopg
import yaml
from cronsim import CronSim

from skywrite import Client, Skywrite
from skywrite.protocol.atproto.repo import Repo, Write
from skywrite.queue.model import State
from tests.docs.blocks import Block
from tests.docs.readers import well
from tests.docs.world import FRIEND, HANDLE, PASSWORD, World, put_post
from tests.support.certificates import new_authority, server_context
from tests.support.feed_server import FeedServer, Reply, feed_server, item, rss
from tests.support.foreign_tables import SAMPLES
from tests.support.mail_server import mail_server
from tests.support.oauth import Browser, returned
from tests.support.processes import ROOT, python_child

# On this Wednesday morning somebody approved what the page of approvals shows.
APPROVED = datetime(2026, 11, 25, 9, tzinfo=UTC)


def signed_in(world: World) -> None:
    """Everybody on the network is signed in, the first one first."""
    with world.inside(), Skywrite() as sky:
        for handle in world.handles:
            sky.accounts.login(handle, PASSWORD, pds=world.box.url)


def drafts(count: int) -> Callable[[World], None]:
    """So many drafts, so that the next post has the number that the page names."""

    def fill(world: World) -> None:
        with world.inside(), Skywrite() as sky:
            for number in range(count):
                sky.posts.schedule(f"Draft {number + 1}", draft=True)

    return fill


def posted(*texts: str) -> Callable[[World], None]:
    """These are the last posts of the account on the network."""

    def look(world: World) -> None:
        assert list(texts) == [post.text for post in world.box.posts(HANDLE)][-len(texts) :]

    return look


def named(world: World) -> None:
    """The account has a name that people see."""
    client = Client(world.box.url)
    client.login(HANDLE, PASSWORD)
    profile = {"$type": "app.bsky.actor.profile", "displayName": "Alice"}
    Repo(client.agent).create_all([Write.of("app.bsky.actor.profile", "self", profile)])


def own_post(world: World) -> None:
    """The post whose link the page shows, by the account itself."""
    put_post(world, HANDLE)


def friends_post(world: World) -> None:
    """The post whose link the page shows, by somebody else."""
    put_post(world, world.handles[-1])


def replies(world: World) -> None:
    """A post of ours with five replies, in the inbox."""
    with world.inside(), Skywrite() as sky:
        sky.accounts.set(None, {"inbox": "yes"})
        posted = sky.post("When do you open?")
        subject = {"uri": posted.uri, "cid": posted.cid}
        for number in range(5):
            reply = {"root": subject, "parent": subject}
            put_post(world, FRIEND, f"Reply {number}", f"3kznmn7xqxl3{'abcdef'[number]}", reply=reply)


def blogs(world: World) -> None:
    """A blog in the place of each that the page names, and a file of subscriptions."""
    for name in ("releases", "news", "blog"):
        web = world.stack.enter_context(feed_server())
        world.places[f"https://{name}.example"] = web.url
        _fill(web)
    outline = f'<outline text="A blog" xmlUrl="{web.url}/feed"/>'
    (world.folder / "subscriptions.opml").write_text(f"<opml><body>{outline}</body></opml>")


def _fill(web: FeedServer) -> None:
    head = b"<link rel=alternate type='application/rss+xml' href='/feed'>"
    web.pages["/"] = Reply(head, headers={"content-type": "text/html"})
    items = [item(name, link=f"{web.url}/{name}", category="Sea watch") for name in ("two", "one")]
    web.pages["/feed"] = rss(*items, title="A blog")


def mail(world: World) -> None:
    """A mail server in the place of the page's, which a computer trusts."""
    authority = new_authority(world.base)
    server = world.stack.enter_context(mail_server(server_context(authority, world.base)))
    world.environ |= {"SSL_CERT_FILE": str(authority.file), "SKYWRITE_SMTP_PASSWORD": "the password of the mail"}
    world.places["smtp.example.com"] = server.address
    world.kept["mail"] = server


def mail_came(world: World) -> None:
    """The test notice is with the mail server, encrypted."""
    assert "To: me@example.com" in world.kept["mail"].sealed


def system_manager(world: World) -> None:
    """The commands of systemd that start something say that they did it."""
    for name in ("systemctl", "loginctl"):
        path = world.base / "bin" / name
        path.write_text("#!/bin/sh\necho active\n")
        path.chmod(0o755)


def unit_is_right(world: World) -> None:
    """systemd has nothing to say about the unit that was written."""
    unit = world.home / ".config/systemd/user/skywrite.service"
    # Names of sockets have at most 107 bytes, and folders of tests may be deep.
    with TemporaryDirectory() as folder:
        ran = world.bash(f"XDG_RUNTIME_DIR={folder} systemd-analyze verify --man=no --user {unit}")
    assert (0, "") == (ran.code, ran.err)


def folder_of_posts(world: World) -> None:
    """A folder `posts`, one `news`, and their images; each has one post that waits."""
    for name in ("posts", "news"):
        (world.folder / name).mkdir()
        (world.folder / name / f"first-{name}.md").write_text("---\nat: 2030-01-07 09:00\n---\nNews\n")
        for image in ("sun.jpg", "chart.png"):
            shutil.copy(world.folder / image, world.folder / name)


def broken_files(world: World) -> None:
    """The two files with the mistakes that the page shows, in the place of those that are right."""
    posts = world.folder / "posts"
    posts.rename(world.folder / "right")
    posts.mkdir()
    (posts / "harbour.md").write_text("---\nat: 2030-01-05 09:00\nimages:\n  - path: sun.jpeg\n---\nx")
    (posts / "thread.md").write_text("---\nat: 2030-01-05 09:00\n---\n\n1\n\n---\n\n2\n\n---\n" + "x" * 312)


def right_files(world: World) -> None:
    """The files from before."""
    shutil.rmtree(world.folder / "posts")
    (world.folder / "right").rename(world.folder / "posts")


def cron_line(world: World, block: Block) -> None:
    """A time that cron knows, and a command that a shell runs well, in a clone of a repository."""
    for line in block.code.splitlines():
        *times, command = line.split(None, 5)
        assert CronSim(" ".join(times), datetime(2026, 1, 1, tzinfo=UTC))
        ran = world.bash(command)
        assert 0 == ran.code, f"{block.name} ended with {ran.code}:\n{ran.out}\n{ran.err}"


def clone(world: World) -> None:
    """The folder is a clone of a repository, at the place that the page names."""
    world.places["/srv/blog"] = str(world.base / "clone")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "posts"], [*who, "commit", "-qm", "Posts"]):
        subprocess.run(["git", *words], cwd=world.folder, env=world.environ, check=True)
    subprocess.run(["git", "clone", "-q", str(world.folder), str(world.base / "clone")], env=world.environ, check=True)


def workflow_step(world: World, block: Block) -> None:
    """The runner knows its inputs, and with the release of an event it posts."""
    from tests.features.folders.test_action import ACTION, RELEASE, Job

    (step,) = yaml.safe_load(block.code)
    assert set(ACTION["inputs"]) >= set(step["with"])
    assert re.fullmatch(r"OWNER/skywrite@v\d+\.\d+\.\d+", step["uses"])
    (world.base / "checkout").mkdir()
    inputs = {name: value for name, value in step["with"].items() if "secrets." not in value}
    ended = Job(world.base, world.box).step_here({"release": RELEASE}, card="none", **inputs)
    assert (0, "published") == (ended.code, ended.outputs.get("state")), ended.printed
    assert world.box.posts("alice.test")[-1].text.startswith("app Version {url} is out.")


def foreign_table(world: World) -> None:
    """A table of another program."""
    sample = next(one for one in SAMPLES if one.program == "Buffer")
    web = world.stack.enter_context(feed_server())
    web.pages["/sun.jpg"] = Reply((world.folder / "sun.jpg").read_bytes(), headers={"content-type": "image/jpeg"})
    (world.folder / sample.name).write_text(sample.text.replace("https://pics.example", web.url))


def another_repost(world: World) -> None:
    """The page cancels a repost twice, in the shell and over HTTP: the second time it is another one."""
    world.places["/api/v1/reposts/3"] = "/api/v1/reposts/4"


def weather(world: World) -> None:
    """The script of the page."""
    script = world.folder / "weather.sh"
    script.write_text("#!/bin/sh\necho It rains.\n")
    script.chmod(0o755)


def sql(world: World, block: Block) -> None:
    """SQLite reads every statement of it, in a database that the page has filled."""
    (world.folder / "recipes.sql").write_text(block.code)
    ran = well(block.name, world.bash("sqlite3 -readonly -bail ~/.local/share/skywrite/skywrite.db < recipes.sql"))
    assert "" == ran.err, f"{block.name}: {ran.err}"


def states(world: World, block: Block) -> None:
    """The states are those of the code, and a transition is only between them."""
    pairs = re.findall(r"^\s+(\S+) --> (\w+|\[\*\])", block.code, re.MULTILINE)
    assert {*State.__args__, "[*]"} == {name for pair in pairs for name in pair}  # type: ignore[attr-defined]


def layers(world: World, block: Block) -> None:
    """The packages and modules at the left are those that there are."""
    named = {name for line in block.code.splitlines() for name in re.findall(r"\w+", line[:28])}
    house = ROOT / "src" / "skywrite"
    there = {path.stem for path in house.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set() == named - there, "these are not in src/skywrite"


def scripts(world: World, block: Block) -> None:
    """Each script is there, and may be run."""
    for line in block.code.splitlines():
        assert os.access(ROOT / line.split()[0], os.X_OK), line


def database_address(world: World, block: Block) -> None:
    """PostgreSQL's driver reads the address."""
    (address,) = re.findall(r'SKYWRITE_DATABASE="(.*)"', block.code)
    assert "skywrite" == psycopg.conninfo.conninfo_to_dict(address)["dbname"]


def braces(world: World, block: Block) -> None:
    """Each brace has its other half, and requests go to the address where `skywrite serve` listens."""
    assert block.code.count("{") == block.code.count("}") > 0
    assert {"127.0.0.1:8080"} == set(re.findall(r"127\.0\.0\.1:\d+", block.code))


def waiting(world: World) -> None:
    """Posts up to number 31, and some of feed 3, wait for an approval."""
    with world.inside(), Skywrite() as sky:
        for number in range(13, 32):
            sky.schedule(f"Post {number}", at="sat 9:00")
    blogs(world)
    for name in ("blog", "releases", "news"):
        line = f"skywrite feeds add https://{name}.example/feed --backfill 1"
        well(line, world.bash(line))
    with world.inside(), Skywrite() as sky:
        for number in range(3):
            sky.schedule(f"Good morning {number}", every="weekdays 9:00")


def digest(world: World) -> None:
    """What the variable of the page holds."""
    world.environ["DIGEST"] = world.bash("skywrite approve 12 --json | jq -r .digest").out.strip()


def approved_by_berta(world: World) -> None:
    """On the morning that the page shows, Berta approves the post; later somebody changes it."""
    world.set_clock(APPROVED, stands=True)
    digest(world)
    well("approve", world.bash('skywrite approve 12 --confirm "$DIGEST" --by Berta'))
    well("edit", world.bash('skywrite edit 12 "Our numbers for November are out"'))


def bot_test(world: World) -> None:
    """The test of the page passes, run by pytest in the page's folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_bot.py"]
    done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


def bot_posted(world: World) -> None:
    """The function of the bot has posted once, when it was called; the worker had nothing to do yet."""
    (post,) = world.box.posts(HANDLE)
    assert "days until the new year" in post.text


def reference_pds(world: World) -> None:
    """The reference PDS in the place of bsky.social: what it signs and asks, no stand-in does."""
    account = world.more("account")
    server = world.more("pds")
    world.kept["account"] = account
    ends = f"{datetime.now(UTC) + timedelta(days=14):%Y-%m-%d}"
    place = "https://porcini.us-east.host.bsky.network"
    world.places |= {HANDLE: account.handle, place: server.url, "2026-12-09": ends}
    world.environ |= {
        "BLUESKY_PDS": server.url,
        "BLUESKY_HANDLE": account.handle,
        "BLUESKY_APP_PASSWORD": account.app_password,
        "SKYWRITE_PLC_URL": server.plc_url,
    }


def browser(world: World) -> None:
    """A browser in which somebody signs in and accepts."""
    account = world.kept["account"]
    script = world.base / "bin" / "browser"
    lines = [
        f"#!{sys.executable}",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})",
        "import urllib.request",
        "from tests.support.oauth import Browser",
        f"came = Browser().accept(sys.argv[1], {account.handle!r}, {account.password!r})",
        "urllib.request.urlopen(came).read()",
    ]
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    world.environ["BROWSER"] = f"{script} %s &"


def sign_in_by_hand(world: World) -> None:
    """What comes back to the page of a program is what a browser brings there."""
    account = world.kept["account"]
    well("oauth use", world.bash("skywrite accounts oauth use loopback"))
    world.places[f'("{HANDLE}", '] = f'("{account.handle}", pds="{world.environ["BLUESKY_PDS"]}", '
    world.names |= {"Browser": Browser, "returned": returned}
    call = f"returned(Browser().accept(pending.url, {account.handle!r}, {account.password!r}))"
    world.places['{"code": "...", "state": "...", "iss": "..."}'] = call


def postgres(world: World) -> None:
    """A database of PostgreSQL with a queue in it."""
    world.environ["SKYWRITE_DATABASE"] = world.more("postgres_url")
    well("skywrite list", world.bash("skywrite list"))


def postgres_with_key(world: World) -> None:
    """An empty database and a key in the place of the page's."""
    key = world.base / "key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    url = world.more("postgres_url")
    world.places |= {"postgresql://skywrite@db.example.com/skywrite": url, "/etc/skywrite/key": str(key)}


def worker_alive(world: World) -> None:
    """A worker that runs on."""
    child = python_child("-m", "skywrite.faces.cli.main", "run", "--log", "text", environ=world.environ)
    world.stack.enter_context(child)
    child.wait_for_line("started")


def no_account_given(world: World) -> None:
    """Nobody is named in the environment."""
    del world.environ["BLUESKY_HANDLE"]


def both_rows(world: World) -> None:
    """The table is imported, each row for its account."""
    well("skywrite import", world.bash("skywrite import plan.csv"))
    with world.inside(), Skywrite() as sky:
        rows = {(entry.account.handle, entry.post.text) for entry in sky.posts.list()}
    alice, news = world.handles
    assert rows >= {(alice, "Good morning"), (news, "The morning in three links")}
