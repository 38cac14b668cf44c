// The desk as an agent uses it, by keys, in both languages; and once more without scripts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House, until } from "./support/house.mjs";

const DESK = { width: 1280, height: 720 };
const CALLERS = {
  en: {
    locale: "en-GB",
    msisdn: "+447700900101",
    line: "Carer Joan 07700 900777 mobile, key 3",
    friend: { name: "Carer Joan", number: "+447700900777" },
    later: "Plumber 07700 900776",
    wrong: "Bob 0770O",
    closing: /added Carer Joan \(\.\.\.0777\)/,
  },
  "zh-Hans": {
    locale: "zh-CN",
    msisdn: "+8613900000102",
    line: "护工小陈 13900000777 手机，快捷3",
    friend: { name: "护工小陈", number: "+8613900000777" },
    later: "水管工 13900000776",
    wrong: "小鲍 1390O",
    closing: /新增 ?护工小陈\(尾号0777\)/,
  },
};

let house;
before(async () => {
  house = await House.open("desk");
});
after(() => house?.close());

/** An agent's page: logged in, nobody rings. */
async function desk(locale, options = {}) {
  const page = await house.page({ locale, viewport: DESK, ...options });
  await page.goto(house.json.desk.url);
  await page.fill("#login", "ann");
  await page.fill("#password", "three small words");
  return page;
}

/** The caller keys the code that stands in the last text on her phone. */
async function keyCode(msisdn) {
  const digits = await until("the code", async () => {
    const { inbox } = await house.phone(msisdn);
    // In the English text in front, in the Chinese one behind "key in"; the service's own number has spaces too.
    return inbox.at(-1)?.text.match(/^\d{3} \d{3}|(?<=输入)\d{6}/)?.[0].replace(" ", "");
  });
  await house.lab("POST", `/handsets/${msisdn}/keys`, { digits });
}

/** The document needs no scrolling. */
async function fits(page, what) {
  const taller = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  assert.ok(taller <= 0, `${what} is ${taller} px taller than its window`);
}

/** Fills a book to ten people and waits until the phone holds them. */
async function ten(msisdn) {
  const { id } = house.json.subscribers.find((one) => one.msisdn === msisdn);
  const friends = `/subscribers/${id}/friends`;
  const { items } = await house.api("GET", friends);
  const country = msisdn.startsWith("+86") ? "1390000030" : "0770090030";
  for (let at = items.length; at < 10; at++) {
    await house.api("POST", friends, { name: `Choir ${at}`, numbers: [{ number: country + at }] });
  }
  await until("ten people on the phone", async () => (await house.phone(msisdn)).phone_book.length >= 10);
}

for (const [language, caller] of Object.entries(CALLERS)) {
  test(`a call: proven, a friend added, corrected, read back, on the phone (${language})`, async () => {
    const { msisdn, friend } = caller;
    await ten(msisdn);
    const look = (shot) => house.look(page, `${language}-${shot}`);
    const page = await desk(caller.locale);
    await look("log-in");
    await page.click("[data-testid=enter]");
    await page.waitForSelector("[data-part=ringing]");
    await look("board");
    await house.lab("POST", `/handsets/${msisdn}/call`);
    await page.waitForSelector("[data-testid=ringing]");
    assert.match(await page.title(), /^\(1\) /);
    await look("ringing");
    await page.keyboard.press("Enter");

    // Level 0: who calls, no name, no entry, no count.
    await page.waitForSelector(".verify");
    assert.equal(await page.locator("[data-testid=row], .owner").count(), 0);
    await look("not-verified");
    await page.keyboard.press("F4");
    await page.waitForSelector("[data-testid=code-sent]");
    await look("code-sent");
    await keyCode(msisdn);

    // Level 1: ten people, all in one window.
    await page.waitForSelector("[data-testid=line]");
    assert.equal(await page.getAttribute(".level", "data-level"), "1");
    assert.equal(await page.locator("[data-testid=row]").count(), 10);
    await fits(page, "the call page");
    assert.equal(await page.evaluate(() => document.activeElement.id), "line");
    await look("book");
    await page.keyboard.type(caller.line);
    await page.waitForSelector(".chip");
    await fits(page, "the call page while typing");
    await look("typing");
    await page.keyboard.press("Enter");
    await page.getByTestId("change").getByText(friend.name).waitFor();
    await fits(page, "the call page with a change");
    await look("added");

    // The connection is lost: it is said, and what was typed stays until it can go out.
    await page.context().setOffline(true);
    await page.keyboard.type(caller.later);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#offline:visible");
    assert.equal(await page.inputValue("#line"), caller.later);
    await fits(page, "the call page without a connection");
    await look("connection-lost");
    await page.context().setOffline(false);
    await page.waitForSelector("#offline", { state: "hidden" });
    await page.keyboard.press("Enter");
    const change = page.getByTestId("change").getByText(caller.later.split(" ")[0]);
    await change.waitFor();
    await page.keyboard.press("Control+z");
    await change.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement.id === "line");

    // What is wrong is said, and what was typed stays.
    await page.keyboard.type(caller.wrong);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".errors");
    assert.equal(await page.inputValue("#line"), caller.wrong);
    await look("wrong");
    await page.fill("#line", "");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-testid=open-name]");
    await fits(page, "an open entry");
    await look("open");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement.id === "line");

    await page.keyboard.press("F8");
    const aloud = await page.textContent("[data-testid=aloud]");
    assert.ok(aloud.startsWith(friend.name) && !/\d/.test(aloud), aloud);
    await look("read-back");
    await page.keyboard.press("Space");
    await page.waitForSelector("[data-testid=aloud]", { state: "detached" });
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement.id === "line");
    await page.keyboard.press("F1");
    await page.waitForSelector(".keys");
    await look("keys");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement.id === "line");

    await page.keyboard.press("Control+Enter");
    const closing = await page.textContent("[data-testid=closing]");
    assert.match(closing, caller.closing);
    await look("end");
    await page.keyboard.press("Enter");
    const row = page.locator("[data-testid=row][data-state=on_terminal]", { hasText: friend.name });
    await row.waitFor();
    await look("ended");

    // The main story: the phone has the friend, and its owner a text that says so.
    await until("the friend and the closing text", async () => {
      const { phone_book, inbox } = await house.phone(msisdn);
      return phone_book.some(({ name }) => name === friend.name) && inbox.at(-1)?.text === closing;
    });
    await page.context().close();
  });
}

/** Loads the page anew; one that is just being exchanged is loaded at the next look. */
const again = (page) => page.reload().catch(() => {});

test("without scripts: answer, code, line, undo, end", async () => {
  const msisdn = "+447700900103";
  const page = await desk("en-GB", { javaScriptEnabled: false });
  await page.click("[data-testid=enter]");
  await house.lab("POST", `/handsets/${msisdn}/call`);
  await until("the ringing", async () => {
    await again(page);
    return (await page.getByTestId("ringing").count()) > 0;
  });
  await page.click("[data-testid=answer]");
  await page.click("[data-testid=send-code]");
  await keyCode(msisdn);
  await until("the book", async () => {
    await again(page);
    return (await page.getByTestId("line").count()) > 0;
  });
  for (const [line, changes] of [["Nurse Ada 07700 900778", 1], ["Taxi 07700 900779", 2]]) {
    await page.fill("[data-testid=line]", line);
    await page.press("[data-testid=line]", "Enter");
    assert.equal(await page.getByTestId("change").count(), changes);
  }
  await page.getByTestId("change").filter({ hasText: "Taxi" }).getByRole("button").click();
  assert.equal(await page.getByTestId("row").filter({ hasText: "Taxi" }).count(), 0);
  await page.screenshot({ path: `${process.env.SHOTS}/desk/no-script.png`, fullPage: true });
  await page.click("[data-testid=end]");
  const closing = await page.textContent("[data-testid=closing]");
  assert.match(closing, /added Nurse Ada \(\.\.\.0778\)/);
  assert.doesNotMatch(closing, /Taxi/);
  await page.click("[data-testid=end-yes]");
  await until("the card and the closing text", async () => {
    const { cards_received, inbox } = await house.phone(msisdn);
    return JSON.stringify(cards_received).includes("Nurse Ada") && inbox.some(({ text }) => text === closing);
  });
  await page.context().close();
});
