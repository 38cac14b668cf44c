// What every page's tests need: a real demo, a browser, a look at a page (screenshot and axe), a code from the phone.
//
// Environment: KITH, the binary; CHROMIUM, the browser; SHOTS, the folder for screenshots.

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const LIMIT = 60_000;

/** What `look` gives, once it gives something; fails when it never does. */
export async function until(what, look) {
  const end = Date.now() + LIMIT;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `${what} did not come`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The answer of an API; fails when it refuses. */
async function ask(url, method, headers, body) {
  const content = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(url, { method, headers: { ...headers, ...content }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${url}: ${answer.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** A demo with a browser, for one file of tests. */
export class House {
  static async open(name) {
    const house = new House();
    house.name = name;
    // Chromium's own sandbox does not work for root.
    const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
    house.browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
    house.folder = fs.mkdtempSync(path.join(os.tmpdir(), `kith-${name}-`));
    house.demo = spawn(process.env.KITH, ["demo", "--port", "0", "--data", house.folder], { stdio: "ignore" });
    process.once("exit", () => house.demo.kill("SIGKILL"));
    house.json = await until("demo.json", () => {
      try {
        return JSON.parse(fs.readFileSync(path.join(house.folder, "demo.json"), "utf8"));
      } catch {
        return null;
      }
    });
    return house;
  }

  async close() {
    await this.browser.close();
    const ended = new Promise((done) => this.demo.once("exit", done));
    this.demo.kill();
    await ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the lab: what happens to the phones. */
  lab(method, path, body) {
    return ask(this.json.lab.url + path, method, {}, body);
  }

  /** Asks Kith's own API. */
  api(method, path, body) {
    return ask(this.json.api.url + path, method, { authorization: `Bearer ${this.json.api.token}` }, body);
  }

  /** What the lab knows of a phone. */
  phone(msisdn) {
    return this.lab("GET", `/handsets/${msisdn}`);
  }

  /** The six digits of the last text message on a phone. */
  code(msisdn) {
    return until("the code", async () => {
      const { inbox } = await this.phone(msisdn);
      return inbox.at(-1)?.text.match(/\d{6}/)?.[0];
    });
  }

  /** A page of a new browser window. */
  async page(options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 390, height: 844 },
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(LIMIT);
    return context.newPage();
  }

  /** Takes a picture of the whole page, and lets axe look at it; it must find nothing. */
  async look(page, shot) {
    const folder = path.join(process.env.SHOTS, this.name);
    fs.mkdirSync(folder, { recursive: true });
    // A loaded machine's Chromium now and then draws no frame for a picture: it is asked again.
    const picture = () => page.screenshot({ path: path.join(folder, `${shot}.png`), fullPage: true, timeout: 10_000 });
    await picture().catch(picture).catch(picture);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.target).join(" ")}`);
    assert.deepEqual(found, [], `axe on ${this.name}/${shot}`);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${this.name}/${shot} is ${wider} px wider than its window`);
  }
}
