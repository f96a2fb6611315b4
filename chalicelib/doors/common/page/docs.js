"use strict";
(() => {
  const KEY = "lambent-key";
  const byId = (id) => document.getElementById(id);
  let api = { paths: {}, components: { schemas: {} } };
  let running = null;

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== undefined && child !== null));
    return node;
  }

  // ---- schemas ----

  function resolve(schema) {
    if (!schema || !schema.$ref) return schema || {};
    const { $ref, ...beside } = schema;
    return { ...api.components.schemas[$ref.split("/").pop()], ...beside };
  }

  const membersOf = (schema) => schema.anyOf || schema.oneOf || [];

  function typeOf(schema) {
    if (schema && schema.$ref) return schema.$ref.split("/").pop();
    const found = resolve(schema);
    if (found.const !== undefined) return JSON.stringify(found.const);
    if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (membersOf(found).length) return membersOf(found).map(typeOf).join(" | ");
    if (found.type === "array") return `list of ${typeOf(found.items || {})}`;
    if (found.type === "object" && typeof found.additionalProperties === "object") return `map of ${typeOf(found.additionalProperties)}`;
    return [].concat(found.type || "any").join(" | ") + (found.format ? ` (${found.format})` : "");
  }

  function limitsOf(schema) {
    const shown = { minLength: "min length", maxLength: "max length", minimum: "min", maximum: "max", minItems: "min items", maxItems: "max items", pattern: "pattern" };
    const told = Object.entries(shown).filter(([name]) => schema[name] !== undefined).map(([name, text]) => `${text} ${schema[name]}`);
    if (schema.default !== undefined && schema.default !== null) told.push(`default ${JSON.stringify(schema.default)}`);
    return told.join(", ");
  }

  function exampleOf(schema, depth = 0) {
    const found = resolve(schema);
    if (found.examples && found.examples.length) return found.examples[0];
    if (found.example !== undefined) return found.example;
    if (found.const !== undefined) return found.const;
    if (found.default !== undefined && found.default !== null) return found.default;
    if (found.enum) return found.enum[0];
    if (membersOf(found).length) return depth > 5 ? null : exampleOf(membersOf(found)[0], depth + 1);
    if (found.allOf) return Object.assign({}, ...found.allOf.map((part) => exampleOf(part, depth + 1)));
    const type = [].concat(found.type || (found.properties ? "object" : "any"))[0];
    if (type === "array") return depth > 4 ? [] : [exampleOf(found.items || {}, depth + 1)];
    if (type === "object") {
      const required = new Set(found.required || []);
      const names = Object.keys(found.properties || {}).filter((name) => required.has(name) || required.size === 0);
      return depth > 5 ? {} : Object.fromEntries(names.map((name) => [name, exampleOf(found.properties[name], depth + 1)]));
    }
    return { string: "string", integer: found.minimum ?? 1, number: found.minimum ?? 1, boolean: true }[type] ?? null;
  }

  function fieldsTable(schema, depth) {
    const found = resolve(schema);
    const required = new Set(found.required || []);
    const rows = Object.entries(found.properties || {}).map(([name, inner]) => {
      const told = resolve(inner);
      const notes = [told.description, limitsOf(told)].filter(Boolean).join(" · ");
      const nested = nestedIn(inner);
      return el("tr", {},
        el("td", { class: "name" }, name, required.has(name) ? el("span", { class: "must", title: "required" }, " *") : ""),
        el("td", {}, el("code", {}, typeOf(inner))),
        el("td", {}, notes, ...(depth < 4 ? nested.map((part) => schemaDetails(part, depth + 1)) : [])));
    });
    if (!rows.length) return el("p", { class: "quiet" }, typeOf(schema));
    return el("table", {}, el("thead", {}, el("tr", {}, ...["Field", "Type", "Notes"].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows));
  }

  function nestedIn(schema) {
    if (schema.$ref) return resolve(schema).properties || membersOf(resolve(schema)).length ? [schema] : [];
    if (membersOf(schema).length) return membersOf(schema).flatMap(nestedIn);
    if (schema.items) return nestedIn(schema.items);
    return typeof schema.additionalProperties === "object" ? nestedIn(schema.additionalProperties) : [];
  }

  function schemaDetails(schema, depth) {
    const members = membersOf(resolve(schema));
    const inside = () => members.length ? el("div", {}, ...members.flatMap(nestedIn).map((part) => schemaDetails(part, depth + 1))) : fieldsTable(schema, depth);
    const details = el("details", {}, el("summary", {}, el("code", {}, typeOf(schema))));
    // Filled when it is opened: schemas may contain themselves.
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(inside()); });
    return details;
  }

  // ---- list of routes ----

  function operations() {
    const found = [];
    for (const [path, item] of Object.entries(api.paths))
      for (const [method, operation] of Object.entries(item))
        found.push({ path, method, ...operation, tag: (operation.tags || ["other"])[0] });
    return found;
  }

  // A long path breaks before a slash, not inside a word.
  function breakable(path) {
    return path.split(/(?=\/)/).flatMap((part) => [el("wbr"), part]);
  }

  function list() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (one) => words.every((word) => `${one.method} ${one.path} ${one.summary} ${one.tag}`.toLowerCase().includes(word));
    const shown = operations().filter(fits);
    const tags = [...new Set([...(api.tags || []).map((tag) => tag.name), ...shown.map((one) => one.tag)])];
    byId("found").textContent = `${shown.length} route${shown.length === 1 ? "" : "s"}`;
    byId("routes").replaceChildren(...tags.filter((tag) => shown.some((one) => one.tag === tag)).map((tag) => el("section", {},
      el("h2", {}, tag),
      el("ul", {}, ...shown.filter((one) => one.tag === tag).map((one) => el("li", {},
        el("a", { href: `#${one.operationId}`, title: one.summary, "aria-current": location.hash.slice(1) === one.operationId ? "page" : undefined },
          el("span", { class: `method ${one.method}` }, one.method.toUpperCase()), el("span", { class: "path" }, ...breakable(one.path)))))))));
  }

  // ---- one route ----

  function show() {
    stop();
    const one = operations().find((candidate) => candidate.operationId === location.hash.slice(1));
    for (const link of byId("routes").querySelectorAll("a"))
      if (one && link.hash === `#${one.operationId}`) { link.setAttribute("aria-current", "page"); link.scrollIntoView({ block: "nearest" }); } else link.removeAttribute("aria-current");
    const main = byId("main");
    if (!one) {
      document.title = `${api.info.title} API`;
      main.replaceChildren(el("h2", {}, api.info.title), el("p", {}, api.info.description || ""), ...firstSteps(), el("p", { class: "quiet" }, "Every route is in the list. Press / to search."));
      return;
    }
    document.title = `${one.method.toUpperCase()} ${one.path}`;
    main.replaceChildren(
      el("h2", { class: "where" }, el("span", { class: `method ${one.method}` }, one.method.toUpperCase()), el("span", { class: "path" }, one.path)),
      el("p", {}, one.summary || "", el("span", { class: "quiet" }, one.security && one.security.length ? `  ·  needs a key with scope ${one["x-scope"]}` : "  ·  needs no key")),
      ...tryOut(one), ...answers(one));
    main.scrollTop = 0;
  }

  // What a first conversation takes, of the routes that are there.
  function firstSteps() {
    const steps = [["post_v1_agents", "Make an agent"], ["post_v1_environments", "Make an environment"], ["post_v1_sessions", "Open a session of the two, by their ids"], ["post_v1_sessions_session_id_messages", "Send it a message and watch the answer"]];
    const links = operations().flatMap((one) => steps.filter(([id]) => id === one.operationId).map(([id, text]) => [text, el("a", { href: `#${id}` }, `${one.method.toUpperCase()} ${one.path}`)]));
    if (links.length < steps.length) return [];
    const ordered = steps.map(([, text]) => links.find(([told]) => told === text));
    return [el("h3", {}, "A first conversation"), el("ol", { class: "steps" }, el("li", {}, "Put your API key in at the top: make run prints one, elsewhere the operator gives it to you"),
      ...ordered.map(([text, link]) => el("li", {}, `${text}: `, link)))];
  }

  function answers(one) {
    return [el("h3", {}, "Answers"), ...Object.entries(one.responses).map(([status, answer]) => {
      const [media, content] = Object.entries(answer.content || {})[0] || [];
      const schema = content && content.schema;
      const title = el("summary", {}, el("strong", { class: status < 400 ? "good" : "bad" }, status), ` ${answer.description}`, media ? el("span", { class: "quiet" }, `  ${media}`) : "");
      if (!schema || !Object.keys(schema).length) return el("details", {}, title, el("p", { class: "quiet" }, media || "no body"));
      return el("details", {}, title, fieldsTable(schema, 0));
    })];
  }

  function inputFor(parameter) {
    const schema = resolve(parameter.schema);
    const choices = schema.enum || (schema.type === "boolean" ? ["true", "false"] : null);
    const attributes = { name: parameter.name, "data-in": parameter.in, "data-list": schema.type === "array", "aria-label": parameter.name, required: parameter.required };
    if (choices) return el("select", attributes, el("option", { value: "" }, ""), ...choices.map((choice) => el("option", { value: choice }, String(choice))));
    return el("input", { ...attributes, spellcheck: "false", placeholder: schema.type === "array" ? "comma separated" : limitsOf(schema) });
  }

  function tryOut(one) {
    const form = el("form", { onsubmit: (event) => { event.preventDefault(); send(one, form); } });
    form.style.display = "block";
    const parameters = one.parameters || [];
    if (parameters.length) form.append(el("h3", {}, "Parameters"), el("table", {}, el("tbody", {}, ...parameters.map((parameter) => el("tr", {},
      el("td", { class: "name" }, parameter.name, parameter.required ? el("span", { class: "must", title: "required" }, " *") : ""),
      el("td", {}, el("code", {}, typeOf(parameter.schema)), el("div", { class: "quiet" }, parameter.in, parameter.description ? ` · ${parameter.description}` : "")),
      el("td", {}, inputFor(parameter)))))));
    for (const part of bodyInputs(one)) form.append(part);
    const stopper = el("button", { type: "button", id: "stop", disabled: true, onclick: stop }, "Stop");
    form.append(el("div", { class: "row" }, el("button", { class: "send", type: "submit" }, "Send"), stopper));
    return [form, el("section", { id: "result", "aria-live": "polite", "aria-label": "Answer" })];
  }

  function bodyInputs(one) {
    if (!one.requestBody) return [];
    const content = one.requestBody.content;
    const media = content["application/json"] ? "application/json" : Object.keys(content)[0];
    const schema = content[media].schema || {};
    const heading = el("h3", {}, "Body ", el("span", { class: "quiet" }, media));
    if (media !== "application/json")
      return [heading, el("input", { type: "file", id: "file", multiple: true, "aria-label": "File to send", "data-media": media })];
    const area = el("textarea", { id: "body", spellcheck: "false", "aria-label": "JSON body" });
    area.value = JSON.stringify(exampleOf(schema), null, 2);
    return [heading, area, ...(Object.keys(schema).length ? [schemaDetails(schema, 0)] : [])];
  }

  // ---- sending ----

  function requestOf(one, form) {
    const headers = {}, query = new URLSearchParams();
    let path = one.path;
    for (const input of form.querySelectorAll("[data-in]")) {
      const value = input.value.trim();
      if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(value));
      else if (!value) continue;
      else if (input.dataset.in === "header") headers[input.name] = value;
      else if (input.hasAttribute("data-list")) value.split(",").forEach((part) => query.append(input.name, part.trim()));
      else query.append(input.name, value);
    }
    const key = sessionStorage.getItem(KEY);
    if (key && one.security && one.security.length) headers["x-api-key"] = key;
    let body;
    const area = form.querySelector("#body"), file = form.querySelector("#file");
    if (area && area.value.trim()) { body = area.value; headers["content-type"] = "application/json"; }
    if (file && file.dataset.media === "multipart/form-data") {
      body = new FormData();
      for (const one of file.files) body.append("file", one);
    } else if (file && file.files.length) { body = file.files[0]; headers["content-type"] = file.dataset.media; }
    return { url: path + (query.size ? `?${query}` : ""), options: { method: one.method.toUpperCase(), headers, body } };
  }

  function curlOf(url, options) {
    const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
    const headers = Object.entries(options.headers).map(([name, value]) => `-H ${quote(`${name}: ${name === "x-api-key" ? "…" : value}`)}`);
    const data = typeof options.body === "string" ? [`-d ${quote(options.body)}`] : [];
    return ["curl -N", `-X ${options.method}`, ...headers, ...data, quote(location.origin + url)].join(" ");
  }

  function stop() {
    if (running) running.abort();
    running = null;
    const button = byId("stop");
    if (button) button.disabled = true;
  }

  async function send(one, form) {
    stop();
    const control = running = new AbortController();
    byId("stop").disabled = false;
    const { url, options } = requestOf(one, form);
    const state = el("p", {}, "Sending …"), headers = el("pre", {}), body = el("pre", { id: "answer-body", tabindex: "0" });
    byId("result").replaceChildren(el("h3", {}, "Answer"), state,
      el("details", {}, el("summary", {}, "Headers"), headers), body, el("details", {}, el("summary", {}, "As a command"), el("pre", {}, curlOf(url, options))));
    const started = performance.now();
    try {
      const answer = await fetch(url, { ...options, signal: control.signal });
      const took = () => `${Math.round(performance.now() - started)} ms`;
      state.replaceChildren(el("strong", { class: answer.ok ? "good" : "bad" }, `${answer.status} ${answer.statusText}`), `  ${took()}`);
      headers.textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      await read(answer, body);
      state.append(`, complete after ${took()}`);
    } catch (error) {
      state.append(control.signal.aborted ? "  stopped" : el("span", { class: "bad" }, `  ${error.message}`));
    }
    if (running === control) stop();
  }

  async function read(answer, body) {
    const media = answer.headers.get("content-type") || "";
    if (media.startsWith("text/event-stream")) return readStream(answer, body);
    if (!/json|text/.test(media)) {
      const size = (await answer.blob()).size;
      body.textContent = size ? `${size} bytes of ${media}` : "(no body)";
      return undefined;
    }
    const text = await answer.text();
    try { body.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { body.textContent = text || "(no body)"; }
    return undefined;
  }

  async function readStream(answer, body) {
    const decoder = new TextDecoder();
    for (let reader = answer.body.getReader(), piece; !(piece = await reader.read()).done;) {
      const atEnd = body.scrollTop + body.clientHeight >= body.scrollHeight - 4;
      body.append(decoder.decode(piece.value, { stream: true }));
      if (atEnd) body.scrollTop = body.scrollHeight;
    }
  }

  // ---- start ----

  function showKey() {
    const key = sessionStorage.getItem(KEY);
    byId("key-state").textContent = key ? "in use" : "";
    byId("key").value = key || "";
  }

  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = byId("key").value.trim();
    if (key) sessionStorage.setItem(KEY, key); else sessionStorage.removeItem(KEY);
    showKey();
  });
  byId("search").addEventListener("input", list);
  addEventListener("hashchange", () => { show(); byId("main").focus({ preventScroll: true }); });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); byId("search").focus(); }
  });

  async function start() {
    showKey();
    try {
      api = await (await fetch("/openapi.json")).json();
    } catch (error) {
      byId("main").replaceChildren(el("p", { class: "bad" }, `openapi.json cannot be read: ${error.message}`));
      return;
    }
    byId("title").textContent = api.info.title;
    byId("version").textContent = api.info.version;
    list();
    show();
  }
  start();
})();
