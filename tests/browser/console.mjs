// The console as an administrator uses it: every page, both languages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House, until } from "./support/house.mjs";

const SCREEN = { width: 1280, height: 800 };
const MUM = "+447700900101";
const HOLD = "[data-testid=hold]";

/** Whom a program took out of Mum's book, at once. */
let gone;
let house, state, mum;
before(async () => {
  house = await House.open("console");
  mum = house.json.subscribers.find(({ msisdn }) => msisdn === MUM);
  const page = await house.page({ locale: "en-GB", viewport: SCREEN });
  await page.goto(house.json.console.url);
  await house.look(page, "log-in");
  await page.fill("#login", "ruth");
  await page.fill("#password", "not her password");
  await page.click("[data-testid=enter]");
  await page.waitForSelector("[role=alert]");
  await house.look(page, "log-in-wrong");
  await page.fill("#password", "three small words");
  await page.click("[data-testid=enter]");
  await page.waitForSelector("[data-testid=needs]");
  state = await page.context().storageState();
  await page.context().close();
  // A hold, so that the pages have something to say.
  const friends = `/subscribers/${mum.id}/friends`;
  const { items } = await house.api("GET", friends);
  gone = items.slice(0, 6).map(({ name }) => name);
  for (const { id } of items.slice(0, 6)) await house.api("DELETE", `${friends}/${id}`);
});
after(() => house?.close());

/** How many of those who were taken out are on Mum's phone. */
async function left() {
  const { phone_book } = await house.phone(MUM);
  return phone_book.filter(({ name }) => gone.includes(name)).length;
}

/** The administrator's page. */
const administrator = (locale) => house.page({ locale, storageState: state, viewport: SCREEN });

for (const [language, locale] of [["en", "en-GB"], ["zh-Hans", "zh-CN"]]) {
  test(`every page is sound (${language})`, async () => {
    const page = await administrator(locale);
    const url = house.json.console.url;
    await page.goto(url);
    assert.equal(await page.getAttribute("html", "lang"), language);
    await page.getByTestId("needs").locator("[data-state=held]").waitFor();
    await house.look(page, `${language}-overview`);
    for (const tab of ["phones", "shipments", "campaigns", "holds", "accounts", "audit"]) {
      await page.click(`nav a[href="/console/${tab}"]`);
      assert.ok((await page.getAttribute(`nav a[href="/console/${tab}"]`, "aria-current")) === "page", tab);
      await house.look(page, `${language}-${tab}`);
    }
    // Ctrl+K finds any phone.
    await page.keyboard.press("Control+k");
    await page.keyboard.type("07700 900101");
    await page.keyboard.press("Enter");
    await page.getByTestId("phone").first().getByRole("link").click();
    await page.getByTestId("entry").first().waitFor();
    await house.look(page, `${language}-phone`);
    await page.context().close();
  });
}

test("a gateway that refuses needs somebody, and no longer when it is well", async () => {
  const page = await administrator("en-GB");
  await page.goto(house.json.console.url);
  const down = page.getByTestId("needs").locator("[data-state=down]");
  await house.lab("PUT", "/faults", { refuse_bind: true, drop_connection_every_s: 1 });
  await down.waitFor();
  await house.look(page, "gateway-down");
  await house.lab("PUT", "/faults", {});
  await down.waitFor({ state: "detached" });
  await page.context().close();
});

test("what a second person releases, goes to the phone", async () => {
  const page = await administrator("en-GB");
  await page.goto(`${house.json.console.url}/holds`);
  // Until then some of them stay.
  assert.ok((await left()) > 0);
  await page.click("[data-testid=release]");
  await page.waitForSelector(HOLD, { state: "detached" });
  await until("the phone without them", async () => (await left()) === 0);
  await page.context().close();
});

test("a group changed once reaches its members, and is taken back", async () => {
  const page = await administrator("en-GB");
  const url = house.json.console.url;
  const nurse = "Nurse on call";
  const onPhone = async (name) => (await house.phone(MUM)).phone_book.some((entry) => entry.name === name);
  await page.goto(`${url}/campaigns`);
  // The sample's group waits for its start: nothing of it is on a phone.
  await page.getByTestId("campaign").first().getByRole("link").click();
  await page.getByTestId("estimate").waitFor();
  await house.look(page, "campaign-planned");
  assert.equal(await onPhone(nurse), false);
  await page.getByTestId("start").click();
  await page.locator(".state[data-state=done]").first().waitFor();
  await house.look(page, "campaign-done");
  await until("the nurse on the phone", () => onPhone(nurse));
  // A friend more, by keyboard alone.
  await page.locator(".crumbs a").nth(1).click();
  await house.look(page, "shared-group");
  await page.locator("[name=name]").first().focus();
  await page.keyboard.type("Porter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("07700 900641");
  await page.keyboard.press("Enter");
  await page.getByTestId("planned").getByRole("link").click();
  await page.getByTestId("start").click();
  await page.getByTestId("pause").or(page.locator(".state[data-state=done]").first()).first().waitFor();
  await until("the porter on the phone", () => onPhone("Porter"));
  await page.locator(".state[data-state=done]").first().waitFor();
  await page.getByTestId("cancel").click();
  await page.locator(".state[data-state=done]").first().waitFor();
  await until("no porter on the phone", async () => !(await onPhone("Porter")));
  assert.equal(await onPhone(nurse), true);
  // A wrong number is said, and what was typed stays.
  await page.locator(".crumbs a").nth(1).click();
  await page.fill("[name=name] >> nth=0", "Cook");
  await page.fill("[name=number]", "O77");
  await page.getByTestId("add").click();
  await page.waitForSelector("[role=alert]");
  assert.equal(await page.inputValue("[name=number]"), "O77");
  await house.look(page, "shared-group-wrong");
  await page.goto(`${url}/campaigns`);
  await page.locator(".links a").first().click();
  await house.look(page, "organisation");
  await page.context().close();
});

test("a campaign's pages fit a phone, in both languages", async () => {
  for (const [language, locale] of [["en", "en-GB"], ["zh-Hans", "zh-CN"]]) {
    const narrow = { width: 390, height: 844 };
    const page = await house.page({ locale, storageState: state, viewport: narrow });
    await page.goto(`${house.json.console.url}/campaigns`);
    await house.look(page, `${language}-campaigns-narrow`);
    await page.getByTestId("campaign").first().getByRole("link").click();
    await house.look(page, `${language}-campaign-narrow`);
    await page.locator(".crumbs a").nth(1).click();
    await house.look(page, `${language}-shared-group-narrow`);
    await page.context().close();
  }
});

test("somebody is invited, chooses a password and is at the desk", async () => {
  const page = await administrator("en-GB");
  await page.goto(`${house.json.console.url}/accounts`);
  await page.fill("[name=login]", "bob");
  await page.fill("[name=name]", "Bob");
  await page.click("button.main");
  const link = await page.getAttribute("[data-testid=invitation]", "href");
  await house.look(page, "invited");
  const bob = await house.page({ locale: "en-GB", viewport: SCREEN });
  await bob.goto(new URL(link, house.json.console.url).href);
  await house.look(bob, "welcome");
  await bob.fill("#password", "another three words");
  await bob.click("button.main");
  await bob.fill("#login", "bob");
  await bob.fill("#password", "another three words");
  await bob.click("[data-testid=enter]");
  await bob.waitForSelector("[data-part=ringing]");
  await bob.context().close();
  await page.context().close();
});
