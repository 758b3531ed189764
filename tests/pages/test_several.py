"""Several posts that are chosen on the plan: one step, one undo; search; writing it again; drafts, fingers, and news.

What does not live here: moving a single post (`test_composing`), and the operations (`tests/features/bulk`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from playwright.sync_api import expect

from skywrite import Skywrite
from skywrite.core.config import load_config
from tests.pages.conftest import Watched, wednesday
from tests.pages.test_approving import as_a_program
from tests.pages.test_pages import problems
from tests.support.serving import Server


def made(tab: Watched, on: date, *texts: str, account: str = "bob.test") -> list[int]:
    """Posts of a day, an hour apart."""
    return [
        int(tab.api("POST", "/posts", {"text": text, "at": f"{on} {hour}:00", "account": account})["id"])
        for hour, text in enumerate(texts, 9)
    ]


def due(tab: Watched, *numbers: int) -> list[Any]:
    """The states of posts, and when they are due."""
    posts = [tab.api("GET", f"/posts/{number}") for number in numbers]
    return [(one["state"], one["due_at"]) for one in posts]


def chosen(tab: Watched, on: date, *numbers: int) -> Any:
    """The plan, with these posts ticked."""
    page = tab.visit(f"/?on={on}")
    page.get_by_role("link", name="Choose").click()
    for number in numbers:
        page.locator(f"input[name=post-{number}]").check()
    expect(page.locator("[data-chosen]")).to_have_text(f"{len(numbers)} chosen")
    return page


def test_several_posts_of_two_accounts_move_together_and_back(tab: Watched) -> None:
    """Ticked, moved by a day, and one press takes all of it back."""
    on = wednesday(2, 9)
    numbers = [*made(tab, on, "One", "Two"), *made(tab, on, "Three", account="alice.test")]
    before = due(tab, *numbers)
    page = chosen(tab, on, *numbers)
    assert [] == problems(page)
    page.fill("[name=by]", "1d")
    page.get_by_role("button", name="Move by").click()
    expect(page.locator("[data-said]")).to_contain_text("3 posts are moved by 1d.")
    day = page.locator(f"[data-day='{on + timedelta(days=1)}'] [data-post]")
    expect(day).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-said]")).to_contain_text("All 3 are as before.")
    assert before == due(tab, *numbers)


def test_several_posts_are_cancelled_and_come_back(tab: Watched) -> None:
    """Nothing of it went away for good."""
    on = wednesday(3, 9)
    numbers = made(tab, on, "Cancelled one", "Cancelled two")
    page = chosen(tab, on, *numbers)
    page.get_by_role("button", name="Cancel posts").click()
    expect(page.locator("[data-said]")).to_contain_text("2 posts are cancelled.")
    assert ["cancelled"] * 2 == [state for state, _ in due(tab, *numbers)]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-said]")).to_contain_text("as before")
    assert ["scheduled"] * 2 == [state for state, _ in due(tab, *numbers)]


def test_several_posts_are_copied_to_another_account(tab: Watched) -> None:
    """At their times, as new posts of that account."""
    on = wednesday(4, 9)
    numbers = made(tab, on, "Copied one", "Copied two")
    page = chosen(tab, on, *numbers)
    page.select_option("#to", "alice.test")
    page.get_by_role("button", name="Copy to").click()
    expect(page.locator("[data-said]")).to_contain_text("2 posts are copied to alice.test.")
    of_alice = page.locator(f"[data-day='{on}'] [data-of='alice.test'][data-post]")
    expect(of_alice).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"[data-day='{on}'] [data-post]")).to_have_count(2)


def test_shift_chooses_all_between_and_a_mistake_keeps_the_choice(tab: Watched) -> None:
    """A press of a button without how far says so at the field, and nothing that was ticked is lost."""
    on = wednesday(2, 10)
    numbers = made(tab, on, "First", "Between", "Last")
    page = chosen(tab, on, numbers[0])
    page.locator(f"input[name=post-{numbers[2]}]").click(modifiers=["Shift"])
    expect(page.locator("[data-chosen]")).to_have_text("3 chosen")
    tab.may_be_refused = True
    page.get_by_role("button", name="Move by").click()
    expect(page.get_by_role("alert")).to_contain_text("How far?")
    expect(page.locator("input[name^=post-]:checked")).to_have_count(3)


def asks_for_approvals(site: Server, rule: str | None) -> None:
    """Whether posts of bob.test need one."""
    with Skywrite(config=load_config({"SKYWRITE_HOME": site.home})) as sky:
        sky.accounts.set("bob.test", {"approval": rule})


def test_several_are_approved_as_they_were_shown(tab: Watched, site: Server) -> None:
    """The whole texts first, then one press; and one undo makes them wait again."""
    on = wednesday(3, 10)
    asks_for_approvals(site, "all")
    ask = as_a_program(tab, "Writer of several")
    posts = [{"text": f"Of a program {hour}", "at": f"{on} {hour}:00", "account": "bob.test"} for hour in (9, 10)]
    numbers = [ask("POST", "/posts", post)["id"] for post in posts]
    page = tab.visit(f"/?on={on}")
    expect(page.locator(".item.ask u", has_text="to approve")).to_have_count(2)
    page = chosen(tab, on, *numbers)
    page.get_by_role("button", name="Approve…").click()
    expect(page.get_by_text("Of a program 10")).to_be_visible()
    assert [] == problems(page)
    page.get_by_role("button", name="Approve all 2").click()
    expect(page.locator("[data-said]")).to_contain_text("2 posts are approved.")
    expect(page.locator(".item.ask")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".item.ask u", has_text="to approve")).to_have_count(2)
    asks_for_approvals(site, None)


def test_the_chips_choose_accounts(tab: Watched) -> None:
    """All of them at first; one that is pressed stands alone, another one joins it."""
    on = wednesday(4, 10)
    made(tab, on, "Of Bob")
    made(tab, on, "Of Alice", account="alice.test")
    page = tab.visit(f"/?on={on}")
    day = page.locator(f"[data-day='{on}'] [data-post] .text")
    expect(day).to_have_text(["Of Bob", "Of Alice"] if day.first.inner_text() == "Of Bob" else ["Of Alice", "Of Bob"])
    chips = page.get_by_role("group", name="Accounts")
    chips.get_by_role("link", name="bob.test").click()
    expect(day).to_have_text(["Of Bob"])
    chips.get_by_role("link", name="alice.test").click()
    expect(day).to_have_count(2)


def test_a_campaign_has_a_chip(tab: Watched) -> None:
    """It shows only its posts; pressed again, all of them."""
    on = wednesday(4, 8)
    made(tab, on, "Of no campaign")
    post = {"text": "Of a campaign", "at": f"{on} 15:00", "account": "bob.test", "campaign": "Spring & more"}
    tab.api("POST", "/posts", post)
    page = tab.visit(f"/?on={on}")
    day = page.locator(f"[data-day='{on}'] [data-post] .text")
    expect(day).to_have_count(2)
    page.get_by_role("link", name="Spring & more").click()
    expect(day).to_have_text(["Of a campaign"])
    assert [] == problems(page)
    page.get_by_role("link", name="Spring & more").click()
    expect(day).to_have_count(2)


def test_a_slash_searches_everything(tab: Watched) -> None:
    """What waits, drafts, and what is over, from any page, without the markup of links."""
    (number,) = made(tab, wednesday(2, 11), "A marmoset that waits")
    tab.api("POST", "/posts", {"text": "A marmoset in a draft", "draft": True, "account": "bob.test"})
    (over,) = made(tab, wednesday(3, 11), "A marmoset that is over")
    tab.api("DELETE", f"/posts/{over}")
    page = tab.visit("/accounts")
    page.keyboard.press("/")
    page.wait_for_url("**/search")
    page.keyboard.type("MARMOSET")
    page.keyboard.press("Enter")
    expect(page.locator("h2.kind")).to_have_text(["Waiting", "Drafts", "Over"])
    expect(page.locator(".list a")).to_have_count(3)
    page.get_by_role("link", name="A marmoset that waits").click()
    page.wait_for_url(f"**/posts/{number}")


def test_the_plan_searches_from_its_header(tab: Watched) -> None:
    """A slash goes to the field; nothing that fits is said."""
    page = tab.visit("/")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("no such words")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No post has these words")).to_be_visible()


def test_it_is_written_again_as_a_draft(tab: Watched) -> None:
    """From the page of the post: the same content in the composer, and one press takes the draft away again."""
    (number,) = made(tab, wednesday(4, 11), "Once more with feeling")
    page = tab.visit(f"/posts/{number}")
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator("textarea[name=text]")).to_have_value("Once more with feeling")
    draft = page.url.partition("draft=")[2].partition("&")[0]
    assert str(number) != draft
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-said]")).to_contain_text("It is as before.")
    expect(page.locator(f".drafts [data-post='{draft}']")).to_have_count(0)
    # The composer may look for its draft in the moment in which the draft goes.
    assert [] == [complaint for complaint in tab.taken_complaints() if "status of 404" not in complaint]


def test_a_move_by_hand_is_taken_back(tab: Watched) -> None:
    """The line that says where a post went has the way back."""
    on = wednesday(2, 12)
    (number,) = made(tab, on, "Slipped")
    before = due(tab, number)
    page = tab.visit(f"/?on={on}")
    page.locator(f"[data-post='{number}']").focus()
    page.keyboard.press("Alt+ArrowRight")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-said]")).to_contain_text("It is as before.")
    assert before == due(tab, number)


def test_a_draft_is_dragged_to_a_day(tab: Watched) -> None:
    """It has no time, so the plan asks for one."""
    on = wednesday(3, 12)
    number = tab.api("POST", "/posts", {"text": "To be dragged in", "draft": True, "account": "bob.test"})["id"]
    page = tab.visit(f"/?on={on}")
    page.locator(f".drafts [data-post='{number}']").drag_to(page.locator(f"[data-day='{on}'] h2"))
    dialog = page.get_by_role("dialog", name="At what time?")
    dialog.locator("input").fill("16:20")
    assert [] == problems(page)
    dialog.get_by_role("button", name="Schedule").click()
    expect(page.locator(f"[data-day='{on}'] [data-post='{number}']")).to_contain_text("16:20")


TOUCH = """([from, to]) => {
  const middle = box => [box.x + box.width / 2, box.y + Math.min(box.height / 2, 20)];
  const fire = (kind, [x, y], target) => {
    const touch = new Touch({identifier: 1, target, clientX: x, clientY: y});
    const touches = kind === "touchend" ? [] : [touch];
    const given = {touches, changedTouches: [touch], bubbles: true, cancelable: true};
    return target.dispatchEvent(new TouchEvent(kind, given));
  };
  const item = document.querySelector(from), at = middle(item.getBoundingClientRect());
  fire("touchstart", at, item);
  return new Promise(resolve => {
    const moving = setInterval(() => {
      if (!item.classList.contains("lifted")) return;
      clearInterval(moving);
      const place = middle(document.querySelector(to).getBoundingClientRect());
      const scrolls = fire("touchmove", place, item);
      fire("touchend", place, item);
      resolve(scrolls);
    }, 20);
  });
}"""


def test_a_finger_drags_a_post_to_another_day(phone: Watched) -> None:
    """Held for a moment, it follows the finger, and the page does not scroll meanwhile."""
    on = wednesday(4, 12)
    (number,) = made(phone, on, "Under a finger")
    page = phone.visit(f"/?on={on}&account=bob.test")
    expect(page.locator("[data-plan]")).to_be_visible()
    page.wait_for_function("document.querySelector('[data-move]')")
    page.wait_for_load_state("networkidle")
    page.locator(f"[data-post='{number}']").scroll_into_view_if_needed()
    scrolls = page.evaluate(TOUCH, [f"[data-post='{number}']", f"[data-day='{on + timedelta(days=1)}'] h2"])
    expect(page.locator(f"[data-day='{on + timedelta(days=1)}'] [data-post='{number}']")).to_contain_text("09:00")
    assert not scrolls


def test_the_plan_shows_what_happened_meanwhile(tab: Watched) -> None:
    """A post that was cancelled elsewhere is struck out, and can no longer be dragged."""
    on = wednesday(2, 8)
    (number,) = made(tab, on, "Watched from the plan")
    page = tab.visit(f"/?on={on}")
    page.wait_for_load_state("domcontentloaded")
    item = page.locator(f"[data-post='{number}']")
    expect(item).to_have_class("item scheduled b")
    tab.api("DELETE", f"/posts/{number}")
    expect(item).to_have_class("item b cancelled")
    expect(item).not_to_have_attribute("draggable", "true")
