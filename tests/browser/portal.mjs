// The portal as an owner uses it: every page, both languages, phone and computer, with and without scripts.

import assert from "node:assert/strict";
import path from "node:path";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { House, until } from "./support/house.mjs";

const OWNERS = {
  en: { locale: "en-GB", number: "07700 900101", msisdn: "+447700900101", friend: "Mei", wrong: /^Error: / },
  "zh-Hans": { locale: "zh-CN", number: "13900000102", msisdn: "+8613900000102", friend: "小梅", wrong: /^出错：/ },
};
const WIDTHS = [390, 1280];
/** Each test adds somebody of her own. */
const PEOPLE = {
  "en-390": ["Dr Okafor", "07700 900802", "07700 9008O2"],
  "en-1280": ["Peter Longname the Plumber", "07700 900801", "07700 90080l"],
  "zh-Hans-390": ["单老师", "13900005678", "1390000567O"],
  "zh-Hans-1280": ["欧阳修的女儿小梅在北京的家里电话", "13900005679", "1390000567B"],
};

let house;
before(async () => {
  house = await House.open("portal");
  for (const [language, owner] of Object.entries(OWNERS)) {
    const page = await house.page({ locale: owner.locale });
    await page.goto(house.json.portal.url);
    await house.look(page, `${language}-log-in`);
    await page.fill("#number", owner.number);
    await page.click("button.main");
    await page.waitForSelector("#code");
    await house.look(page, `${language}-code`);
    await page.fill("#code", "000000");
    await page.click("button.main");
    await page.waitForSelector(".errors");
    await house.look(page, `${language}-code-wrong`);
    await page.fill("#code", await house.code(owner.msisdn));
    await page.click("button.main");
    await page.waitForSelector("[data-testid=sum]");
    owner.state = await page.context().storageState();
    await page.context().close();
  }
});
after(() => house?.close());

/** A page with its owner logged in. */
function of(language, options = {}) {
  const { locale, state } = OWNERS[language];
  return house.page({ locale, storageState: state, ...options });
}

for (const language of Object.keys(OWNERS)) {
  for (const width of WIDTHS) {
    const which = `${language}-${width}`;
    test(`a friend is added, seen on the drawn phone, and every page is sound (${which})`, async () => {
      const [name, number, wrong] = PEOPLE[which];
      const page = await of(language, { viewport: { width, height: 844 } });
      const url = house.json.portal.url;
      await page.goto(url);
      assert.equal(await page.getAttribute("html", "lang"), language);
      await page.click("[data-testid=add]");
      await house.look(page, `${which}-add`);
      await page.fill("[data-testid=name]", name);
      await page.fill("[data-testid=number]", wrong);
      await page.click("[data-testid=save]");
      await page.waitForSelector(".errors");
      await house.look(page, `${which}-wrong`);
      assert.match(await page.title(), OWNERS[language].wrong);
      assert.equal(await page.evaluate(() => document.activeElement.className), "errors");
      assert.equal(await page.inputValue("[data-testid=number]"), wrong);
      await page.fill("[data-testid=number]", number);
      // What the phone will show is said while it is typed.
      const shown = await page.locator(".preview .shown").textContent();
      assert.ok(name.startsWith(shown) && shown.length > 2, shown);
      await house.look(page, `${which}-typed`);
      await page.click("[data-testid=save]");
      await page.getByTestId("undo").waitFor();
      await house.look(page, `${which}-saved`);
      // Without a reload: the page hears of it.
      await page.waitForSelector(".sum.good");
      await house.look(page, `${which}-list`);

      const phones = await house.page({ locale: OWNERS[language].locale, viewport: { width, height: 844 } });
      await phones.goto(house.json.phones.url);
      const drawn = phones.getByTestId(`handset-${OWNERS[language].msisdn}`);
      await drawn.getByText(shown, { exact: true }).first().waitFor();
      await phones.screenshot({ path: path.join(process.env.SHOTS, "portal", `${which}-drawn.png`) });
      await phones.context().close();

      await page.goto(`${url}phone`);
      await page.locator(".handset").getByText(shown, { exact: true }).waitFor();
      await house.look(page, `${which}-phone`);
      await page.goto(url);
      await page.getByText(name).click();
      await page.click("summary >> nth=0");
      await house.look(page, `${which}-change`);
      await page.click("[data-testid=delete]");
      await house.look(page, `${which}-delete`);
      for (const rest of ["history", "groups", "import"]) {
        await page.goto(url + rest);
        await house.look(page, `${which}-${rest}`);
      }
      await page.context().close();
    });
  }
}

test("a group is filled, a file is taken in, and a search finds by pinyin", async () => {
  const page = await of("en");
  const url = house.json.portal.url;
  await page.goto(`${url}groups`);
  await page.fill("#name", "Family");
  await page.click("button.main");
  await page.getByLabel("Mei").check();
  await house.look(page, "group");
  await page.click("[data-testid=save]");
  await page.getByTestId("undo").waitFor();
  const cards = ["王奶奶", "老李", "Zoë", "Ann", "Bob", "Carol"].map(
    (name, at) => `BEGIN:VCARD\r\nVERSION:3.0\r\nFN:${name}\r\nTEL:07700 90085${at}\r\nEND:VCARD\r\n`,
  );
  const file = path.join(house.folder, "list.vcf");
  fs.writeFileSync(file, `${cards.join("")}BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n`);
  await page.goto(`${url}import`);
  await page.setInputFiles("#file", file);
  await page.click("button.main");
  assert.equal(await page.textContent("[data-testid=import-sum]"), "6 people added, 1 left out.");
  await house.look(page, "import");
  await page.goto(url);
  await page.fill("#q", "wnn");
  await page.press("#q", "Enter");
  assert.deepEqual(await page.locator(".people .name").allTextContents(), ["王奶奶"]);
  await house.look(page, "search");
  await page.context().close();
});

test("Enter saves: it never chooses an answer to a question", async () => {
  const page = await of("en");
  await page.goto(`${house.json.portal.url}people/new`);
  await page.fill("[data-testid=name]", "Somebody");
  await page.fill("[data-testid=number]", "07700 900123");
  await page.press("[data-testid=name]", "Enter");
  await page.waitForSelector("[data-testid=choice]");
  await house.look(page, "same-number");
  const answered = page.waitForResponse((answer) => answer.request().method() === "POST");
  await page.press("[data-testid=name]", "Enter");
  assert.equal((await answered).status(), 422);
  await page.context().close();
});

test("without a connection nothing typed is lost", async () => {
  const page = await of("en");
  await page.goto(`${house.json.portal.url}people/new`);
  await page.fill("[data-testid=name]", "Gardener");
  await page.context().setOffline(true);
  await page.waitForSelector("#offline:visible");
  await page.fill("[data-testid=number]", "07700 900130");
  await page.click("[data-testid=save]");
  await house.look(page, "no-connection");
  assert.equal(await page.inputValue("[data-testid=name]"), "Gardener");
  await page.context().setOffline(false);
  await page.waitForSelector("#offline", { state: "hidden" });
  await page.click("[data-testid=save]");
  await page.getByTestId("undo").waitFor();
  await page.context().close();
});

test("family is let in, logs in with a password, chooses the book, and another password", async () => {
  const page = await of("zh-Hans");
  const url = house.json.portal.url;
  await page.goto(`${url}family`);
  await page.fill("#number", "+44 7700 900188");
  await page.click("[data-testid=save]");
  await page.waitForSelector(".errors");
  await house.look(page, "zh-Hans-family-wrong");
  await page.fill("#name", "小伟");
  await page.click("[data-testid=save]");
  await page.getByTestId("family").waitFor();
  await page.click("summary");
  await house.look(page, "zh-Hans-family");
  await page.goto(`${url}password`);
  await house.look(page, "zh-Hans-password");
  await page.context().close();

  const guardian = await house.page({ locale: "en-GB" });
  const enter = async (password) => {
    await guardian.fill("#own-number", "+44 7700 900188");
    await guardian.fill("#password", password);
    await guardian.click(".wide");
  };
  await guardian.goto(url);
  await guardian.click("summary");
  await enter("three small wards");
  await guardian.waitForSelector(".errors");
  await house.look(guardian, "log-in-password-wrong");
  await enter("three small words");
  await guardian.click(".books button:has-text('王奶奶')");
  await guardian.getByRole("heading", { level: 1, name: "王奶奶" }).waitFor();
  await house.look(guardian, "books");
  await guardian.goto(`${url}family`);
  await house.look(guardian, "family");
  await guardian.goto(`${url}password`);
  await guardian.fill("#password", "short");
  await guardian.click("[data-testid=save]");
  await guardian.waitForSelector(".errors");
  await house.look(guardian, "password-wrong");
  await guardian.fill("#password", "four quite small words");
  await guardian.click("[data-testid=save]");
  await guardian.waitForSelector(".sum.good");
  await house.look(guardian, "password");
  await guardian.goto(url);
  await guardian.click("form[action='/logout'] button");
  await guardian.click("summary");
  await enter("four quite small words");
  await guardian.waitForSelector("[data-testid=sum]");
  await guardian.context().close();
});

test("the largest text on the narrowest screen, in the dark", async () => {
  const page = await of("en", { viewport: { width: 320, height: 640 }, colorScheme: "dark" });
  const url = house.json.portal.url;
  await page.goto(url);
  await page.click("[aria-label='Text 150 %']");
  for (const [shot, rest] of [["list", ""], ["add", "people/new"], ["phone", "phone"], ["history", "history"]]) {
    await page.goto(url + rest);
    if (shot === "add") await page.click("summary");
    await house.look(page, `large-dark-${shot}`);
  }
  const size = await page.evaluate(() => getComputedStyle(document.body).fontSize);
  assert.equal(size, "30px");
  await page.context().close();
});

test("without scripts, on a phone that can only be sent cards", async () => {
  const page = await house.page({ javaScriptEnabled: false, locale: "en-GB" });
  const msisdn = "+447700900103";
  await page.goto(house.json.portal.url);
  await page.fill("#number", "07700 900103");
  await page.click("button.main");
  await page.fill("#code", await house.code(msisdn));
  await page.click("button.main");
  await page.click("[data-testid=add]");
  await page.fill("[data-testid=name]", "Dr Okafor");
  await page.fill("[data-testid=number]", "07700 900456");
  await page.click("[data-testid=save]");
  await page.getByTestId("undo").waitFor();
  // No more is claimed than this channel can prove.
  await until("delivered", async () => {
    await page.reload();
    return (await page.textContent("[data-testid=sum]")) === "Everything was delivered. Save it on the phone.";
  });
  const { cards_received } = await house.phone(msisdn);
  assert.ok(cards_received.length > 0, "the phone has the card");
  await page.screenshot({ path: path.join(process.env.SHOTS, "portal", "no-script.png"), fullPage: true });
  await page.getByText("Dr Okafor").click();
  await page.click("[data-testid=delete]");
  await page.click("[data-testid=delete-yes]");
  await page.click("[data-testid=undo]");
  await page.getByText("Dr Okafor").waitFor();
  await page.context().close();
});
