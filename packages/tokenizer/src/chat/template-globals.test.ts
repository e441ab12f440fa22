import { expect, test } from "vitest";
import { createChatTemplate } from "./create-chat-template.ts";
import { strftime } from "./template-globals.ts";

const render = (source: string): string => createChatTemplate(source).render([]);

test("range counts as Python's does", () => {
  expect(render("{% for i in range(3) %}{{ i }} {% endfor %}")).toBe("0 1 2 ");
  expect(render("{% for i in range(2, 7, 2) %}{{ i }} {% endfor %}")).toBe("2 4 6 ");
  expect(render("{% for i in range(3, 0, -1) %}{{ i }} {% endfor %}{{ range(4, 2) | length }}")).toBe("3 2 1 0");
  expect(() => render("{{ range(1, 2, 0) }}")).toThrow("must not be zero");
});

test("dates are written as Python writes them, in English", () => {
  const date = new Date(2031, 2, 2, 0, 5, 9); // a Sunday
  expect(strftime(date, "%d %b %Y, %A %a %B %-d/%m/%y")).toBe("02 Mar 2031, Sunday Sun March 2/03/31");
  expect(strftime(date, "%H:%M:%S %I %p 100%%")).toBe("00:05:09 12 AM 100%");
  expect(strftime(new Date(2031, 2, 2, 13), "%I %p")).toBe("01 PM");
  expect(() => strftime(date, "%Q")).toThrow("strftime_now knows no %Q");
});

test("constants are known in Python's and in Jinja's spelling", () => {
  expect(render("{{ true and True }} {{ false or False }} {{ none is none and None is none }}")).toBe(
    "true false true",
  );
});
