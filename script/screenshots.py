"""Images of the pages, as a person sees them in the demo: the plan, the composer, a post, and the plan on a phone."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "assets"
NAME = "skywrite.localhost"
TEXT = "Fresh rye bread from 7:00, still warm. What is in it, and what is not: https://bakery.example/rye #bakery"
COLOURS = 128


def main() -> None:
    """Start the demo, look at it, and stop it."""
    command = [sys.executable, "-m", "skywrite.faces.cli.main", "serve", "--demo", "--json", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        addresses = json.loads(server.stdout.readline())
        try:
            take_all(addresses["url"].replace("127.0.0.1", NAME), addresses["sign_in_url"].replace("127.0.0.1", NAME))
        finally:
            server.terminate()


def take_all(url: str, sign_in_url: str) -> None:
    """All images."""
    arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        context = browser.new_context(viewport={"width": 1200, "height": 760}, reduced_motion="reduce")
        page = context.new_page()
        page.goto(sign_in_url)
        page.goto(url + "/")
        keep(page, "plan")
        page.emulate_media(color_scheme="dark")
        keep(page, "plan-dark")
        page.emulate_media(color_scheme="light")
        page.goto(url + "/compose")
        page.fill("textarea[name=text]", TEXT)
        page.fill("[data-at]", "friday 7:00")
        page.wait_for_selector("[data-preview] b")
        page.wait_for_selector("[data-saved]:text('Draft saved')")
        keep(page, "compose")
        page.click("[data-send]")
        page.wait_for_url("**/posts/**")
        keep(page, "post")
        page.set_viewport_size({"width": 390, "height": 760})
        page.goto(url + "/?view=agenda")
        keep(page, "phone")
        browser.close()


def keep(page: Page, name: str) -> None:
    """An image with few colours, which is small and looks the same."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    image.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
