// SPDX-License-Identifier: Apache-2.0
/**
 * Gathers, from the gateway's sources, every text that it may give the page: what the arguments of a ScsigateError say, and
 * the properties message, nextStep, title and measured of a problem, a refusal or a check; what a change disturbs, why it
 * was rolled back, what an update does, why a connection ended; and what schemas say about settings. Constants, conditions,
 * tables, parameters and functions are followed; what cannot be known here is a hole, {1}, {2} and so on. So is what another
 * Error says: its words are those of programs and of the kernel.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BODIES, SCHEMAS } from "@scsigate/appliance/api/schemas";
import * as ts from "typescript/unstable/ast";
import { API, type Project, SymbolFlags, type Symbol as TsSymbol } from "typescript/unstable/sync";

const APPLIANCE = join(import.meta.dirname, "../../../appliance");
const SCHEMA = "schema/config.schema.json";
/** What no page shows: the command line, the console's screen, and what schemas of messages say. */
const ELSEWHERE = /\/src\/(cli\/|service\/console\.ts|api\/schemas\.ts|protocol\/requestSchema\.ts)/;
/** What a hole is while a text is put together. */
const HOLE = "\0";
/** More than this many ways to say one text, and what is in its holes is gathered by itself. */
const MOST_WAYS = 24;

const PROPERTIES = ["message", "nextStep", "title", "measured"];
/** Beside the first property, the second one is a text: of an effect, of a change that was rolled back, of what an update does. */
const NOTES = [
  ["effect", "what"],
  ["problems", "reason"],
  ["percent", "step"],
] as const;
const LISTENERS = ["onDisconnect", "onFailure"];

export interface GatewayText {
  /** With its holes numbered. */
  text: string;
  /** Where it is made: "src/service/health.ts:12". */
  at: string;
}

type FunctionNode = ts.FunctionDeclaration | ts.ArrowFunction | ts.FunctionExpression | ts.MethodDeclaration;
/** What parameters stand for within a call that is followed. */
type Bound = ReadonlyMap<ts.Node, readonly string[]>;

/** Every text once, in the order of the sources. */
export function gatewayTexts(): GatewayText[] {
  const api = new API({ cwd: APPLIANCE });
  try {
    const snapshot = api.updateSnapshot({ openProject: join(APPLIANCE, "tsconfig.json") });
    const project = snapshot.getProject(join(APPLIANCE, "tsconfig.json"));
    if (project === undefined) throw new Error("the gateway's sources are no project");
    return new Gatherer(project).gather();
  } finally {
    api.close();
  }
}

class Gatherer {
  readonly #project: Project;
  readonly #calls = new Map<string, ts.CallExpression[]>();
  /** What is assigned, by the name of the variable or the property. */
  readonly #values = new Map<string, ts.Node[]>();
  readonly #found = new Map<string, GatewayText>();
  /** What is being followed: a text that goes round is a hole there. */
  readonly #within = new Set<ts.Node>();
  #place = "";

  constructor(project: Project) {
    this.#project = project;
  }

  gather(): GatewayText[] {
    const { program } = this.#project;
    const files = program
      .getSourceFileNames()
      .filter((name) => name.startsWith(`${APPLIANCE}/src/`) && !name.endsWith(".d.ts") && !ELSEWHERE.test(name))
      .sort();
    const places: ts.Node[] = [];
    for (const name of files) {
      const visit = (node: ts.Node): void => {
        if (ts.isCallExpression(node)) this.#index(node);
        if (isValue(node)) this.#assigned(node.name, assignedOf(node));
        if (isAssignment(node)) this.#assigned(node.left, node.right);
        places.push(node);
        node.forEachChild(visit);
      };
      const file = program.getSourceFile(name);
      if (file !== undefined) visit(file);
    }
    for (const place of places) {
      if (ts.isNewExpression(place)) this.#ofError(place);
      else if (ts.isObjectLiteralExpression(place)) this.#ofObject(place);
      else if (ts.isCallExpression(place)) this.#ofGiven(place);
      else if (isAssignment(place)) this.#ofAssignment(place);
    }
    for (const described of descriptions()) {
      if (!this.#found.has(described.text)) this.#found.set(described.text, described);
    }
    return [...this.#found.values()];
  }

  #index(call: ts.CallExpression): void {
    for (const { text } of namesOf(call.expression)) this.#calls.set(text, [...(this.#calls.get(text) ?? []), call]);
  }

  #assigned(name: ts.Node, value: ts.Node): void {
    if (ts.isIdentifier(name)) this.#values.set(name.text, [...(this.#values.get(name.text) ?? []), value]);
  }

  /** An error says what happened, and what to do. */
  #ofError({ expression, arguments: given }: ts.NewExpression): void {
    if (!ts.isIdentifier(expression) || !["ScsigateError", "ConfigRefused"].includes(expression.text)) return;
    for (const text of given?.slice(1, 3) ?? []) this.#take(text);
  }

  #ofObject(object: ts.ObjectLiteralExpression): void {
    const values = new Map(object.properties.filter(isValue).map((own) => [own.name.getText(), assignedOf(own)]));
    const isProblem =
      values.has("nextStep") || (PROPERTIES.some((key) => values.has(key)) && this.#saysNextStep(object));
    const keys = [
      ...(isProblem ? PROPERTIES : []),
      ...NOTES.filter((pair) => pair.every((key) => values.has(key))).map(([, key]) => key),
    ];
    for (const key of keys) {
      const value = values.get(key);
      if (value !== undefined) this.#take(value);
    }
  }

  /** Why a connection ended; and what is given to a function that another one returns, which nobody can follow. */
  #ofGiven(call: ts.CallExpression): void {
    const isListener = namesOf(call.expression).some(({ text }) => LISTENERS.includes(text));
    if (isListener || ts.isCallExpression(call.expression)) for (const text of call.arguments) this.#take(text);
  }

  /** Why a change was rolled back. */
  #ofAssignment({ left, right }: ts.BinaryExpression): void {
    if (ts.isPropertyAccessExpression(left) && left.name.text === "reason") this.#take(right);
  }

  /** Whether what an object spreads has a next step, which makes it a problem or a check. */
  #saysNextStep(object: ts.ObjectLiteralExpression): boolean {
    const { checker } = this.#project;
    if (!object.properties.some(ts.isSpreadAssignment)) return false;
    const type = checker.getTypeAtLocation(object);
    return type !== undefined && checker.getPropertyOfType(type, "nextStep") !== undefined;
  }

  #take(text: ts.Node): void {
    const file = text.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(text.getStart());
    this.#place = `${file.fileName.slice(APPLIANCE.length + 1)}:${line + 1}`;
    this.#keep(this.#ways(text, new Map()));
  }

  #keep(ways: readonly string[]): void {
    for (const way of ways) {
      const text = numbered(way);
      if (/\p{L}{2}/u.test(text.replace(/\{\d\}/g, "")) && !this.#found.has(text))
        this.#found.set(text, { text, at: this.#place });
    }
  }

  /** Every way to say what an expression says. */
  #ways(node: ts.Node, bound: Bound): readonly string[] {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
    if (ts.isTemplateExpression(node)) {
      const spans = node.templateSpans.map(
        ({ expression, literal }) => [this.#inHole(expression, bound), [literal.text]] as const,
      );
      return this.#joined([[node.head.text], ...spans.flat()]);
    }
    if (
      ts.isParenthesizedExpression(node) ||
      ts.isAsExpression(node) ||
      ts.isSatisfiesExpression(node) ||
      ts.isNonNullExpression(node)
    ) {
      return this.#ways(node.expression, bound);
    }
    if (ts.isConditionalExpression(node)) {
      return union(this.#ways(node.whenTrue, bound), this.#ways(node.whenFalse, bound));
    }
    if (ts.isBinaryExpression(node)) {
      const { left, right, operatorToken } = node;
      if (operatorToken.kind === ts.SyntaxKind.PlusToken) {
        return this.#joined([this.#inHole(left, bound), this.#inHole(right, bound)]);
      }
      const either = [ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken].includes(operatorToken.kind);
      return either ? union(this.#ways(left, bound), this.#ways(right, bound)) : [HOLE];
    }
    if (ts.isObjectLiteralExpression(node)) {
      return union(
        ...node.properties.map((own) => (ts.isPropertyAssignment(own) ? this.#ways(own.initializer, bound) : [])),
      );
    }
    if (this.#within.has(node)) return [HOLE];
    this.#within.add(node);
    try {
      if (ts.isIdentifier(node)) return this.#ofSymbol(this.#project.checker.getSymbolAtLocation(node), bound);
      if (ts.isShorthandPropertyAssignment(node)) {
        return this.#ofSymbol(this.#project.checker.getShorthandAssignmentValueSymbol(node), bound);
      }
      if (ts.isElementAccessExpression(node)) return orHole(this.#ways(node.expression, bound));
      if (ts.isPropertyAccessExpression(node)) return this.#ofProperty(node, bound);
      if (ts.isCallExpression(node)) return this.#ofCall(node, bound);
      return [HOLE];
    } finally {
      this.#within.delete(node);
    }
  }

  /** As #ways, of what stands within a text. Single words that come from elsewhere are names, and those are no text. */
  #inHole(node: ts.Node, bound: Bound): readonly string[] {
    const ways = this.#ways(node, bound);
    const isOwn = ts.isConditionalExpression(node) || ts.isBinaryExpression(node) || ts.isStringLiteral(node);
    const isWord = ts.isIdentifier(node) && (bound.size > 0 || this.#isWord(node));
    if (!isOwn && !isWord && ways.every((way) => !way.includes(" "))) return [HOLE];
    // A hole may be empty, a sign or a name.
    return ways.includes(HOLE) ? ways.filter((way) => way === HOLE || /[a-z] |^[a-z]+$/.test(way)) : ways;
  }

  /** Whether it is a parameter that has one of some words. */
  #isWord(node: ts.Identifier): boolean {
    const declared = this.#declaredAt(node);
    return (
      declared !== undefined &&
      ts.isParameterDeclaration(declared) &&
      declared.type !== undefined &&
      ts.isUnionTypeNode(declared.type)
    );
  }

  #joined(parts: readonly (readonly string[])[]): readonly string[] {
    const count = parts.reduce((product, ways) => product * ways.length, 1);
    if (count > MOST_WAYS) {
      const most = Math.max(...parts.map(({ length }) => length));
      const open = parts.findIndex((ways) => ways.length > 1 && ways.includes(HOLE));
      const apart = open === -1 ? parts.findIndex(({ length }) => length === most) : open;
      this.#keep(parts[apart] ?? []);
      return this.#joined(parts.map((ways, at) => (at === apart ? [HOLE] : ways)));
    }
    return parts.reduce<readonly string[]>(
      (all, ways) => union(all.flatMap((one) => ways.map((way) => one + way))),
      [""],
    );
  }

  #ofSymbol(symbol: TsSymbol | undefined, bound: Bound): readonly string[] {
    const declared = this.#declared(symbol);
    if (declared === undefined) return [HOLE];
    const known = bound.get(declared);
    if (known !== undefined) return known;
    if (ts.isVariableDeclaration(declared) && ts.isIdentifier(declared.name)) {
      if (declared.initializer !== undefined) return this.#ways(declared.initializer, bound);
      return this.#ofValues(declared.name.text, declared.getSourceFile(), bound);
    }
    if (ts.isParameterDeclaration(declared) && ts.isIdentifier(declared.name)) return this.#ofParameter(declared);
    return [HOLE];
  }

  /** What its file assigns to a property of an interface of its own. */
  #ofProperty({ name }: ts.PropertyAccessExpression, bound: Bound): readonly string[] {
    const declared = this.#declaredAt(name);
    const file = name.getSourceFile();
    if (declared === undefined || !ts.isPropertySignatureDeclaration(declared) || declared.getSourceFile() !== file)
      return [HOLE];
    return this.#ofValues(name.text, file, bound);
  }

  #ofValues(name: string, file: ts.SourceFile, bound: Bound): readonly string[] {
    const values = (this.#values.get(name) ?? []).filter((value) => value.getSourceFile() === file);
    return orHole(union(...values.map((value) => this.#ways(value, bound))));
  }

  /** What all calls give. */
  #ofParameter(parameter: ts.ParameterDeclaration): readonly string[] {
    const owner = parameter.parent as FunctionNode;
    const at = owner.parameters.indexOf(parameter);
    const ways = this.#callsOf(owner).map((call) => {
      const given = call.arguments[at];
      if (given !== undefined) return this.#ways(given, new Map());
      return parameter.initializer === undefined ? [] : this.#ways(parameter.initializer, new Map());
    });
    return orHole(union(...ways));
  }

  #callsOf(owner: FunctionNode): ts.CallExpression[] {
    const own = ts.isFunctionDeclaration(owner) || ts.isMethodDeclaration(owner) ? owner : owner.parent;
    if (!isDeclaration(own) || own.name === undefined) return [];
    const name = own.name.getText();
    const calls = this.#calls.get(name) ?? [];
    if (LISTENERS.includes(name)) return calls;
    return calls.filter((call) => namesOf(call.expression).some((called) => this.#declaredAt(called) === own));
  }

  /** What a function of the gateway's own returns. */
  #ofCall(call: ts.CallExpression, bound: Bound): readonly string[] {
    const [name] = namesOf(call.expression);
    let owner = name && this.#declaredAt(name);
    if (owner !== undefined && ts.isVariableDeclaration(owner)) owner = owner.initializer;
    if (owner === undefined || !isFunction(owner) || owner.body === undefined) return [HOLE];
    const own = new Map(bound);
    for (const [at, parameter] of owner.parameters.entries()) {
      const given = call.arguments[at] ?? parameter.initializer;
      if (given !== undefined) own.set(parameter, this.#ways(given, bound));
    }
    const ways = returns(owner).map((value) => this.#ways(value, own));
    return orHole(union(...ways));
  }

  #declaredAt(name: ts.Node): ts.Node | undefined {
    return this.#declared(this.#project.checker.getSymbolAtLocation(name));
  }

  #declared(symbol: TsSymbol | undefined): ts.Node | undefined {
    const isAlias = symbol !== undefined && (symbol.flags & SymbolFlags.Alias) !== 0;
    return (isAlias ? this.#project.checker.getAliasedSymbol(symbol) : symbol)?.valueDeclaration?.resolve();
  }
}

/** What schemas say about settings, which the forms show, and about what requests have in them: refusals have it as well. */
function descriptions(): GatewayText[] {
  const document: unknown = JSON.parse(readFileSync(join(APPLIANCE, SCHEMA), "utf8"));
  const bodies = BODIES.map((name) => SCHEMAS[name]);
  return [
    ...describedIn(document).map((text) => ({ text, at: SCHEMA })),
    ...describedIn(bodies).map((text) => ({ text, at: "src/api/schemas.ts" })),
  ];
}

function describedIn(schema: unknown): string[] {
  const found: string[] = [];
  JSON.stringify(schema, (key, value: unknown) => {
    if (key === "description" && typeof value === "string" && value !== "") found.push(value);
    return value;
  });
  return found;
}

function isValue(node: ts.Node): node is ts.PropertyAssignment | ts.ShorthandPropertyAssignment {
  return ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node);
}

function assignedOf(own: ts.PropertyAssignment | ts.ShorthandPropertyAssignment): ts.Node {
  return ts.isPropertyAssignment(own) ? own.initializer : own;
}

/** What a function is called by. */
function isDeclaration(
  node: ts.Node,
): node is ts.FunctionDeclaration | ts.MethodDeclaration | ts.VariableDeclaration | ts.PropertyAssignment {
  const isFixed = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node);
  return isFixed || ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node);
}

function isAssignment(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}

function isFunction(node: ts.Node): node is FunctionNode {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    ts.isMethodDeclaration(node)
  );
}

/** The names that a call goes by: f in f(), x.f() and this.#f(); f and g in (a ? f : g)(). */
function namesOf(called: ts.Node): (ts.Identifier | ts.PrivateIdentifier)[] {
  if (ts.isIdentifier(called)) return [called];
  if (ts.isPropertyAccessExpression(called)) return [called.name];
  if (ts.isParenthesizedExpression(called)) return namesOf(called.expression);
  return ts.isConditionalExpression(called) ? [...namesOf(called.whenTrue), ...namesOf(called.whenFalse)] : [];
}

function returns({ body }: FunctionNode): ts.Node[] {
  if (body === undefined) return [];
  if (!ts.isBlock(body)) return [body];
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isReturnStatement(node) && node.expression !== undefined) found.push(node.expression);
    if (!isFunction(node)) node.forEachChild(visit);
  };
  body.forEachChild(visit);
  return found;
}

function union(...ways: readonly (readonly string[])[]): string[] {
  return [...new Set(ways.flat())];
}

function orHole(ways: readonly string[]): readonly string[] {
  return ways.length === 0 ? [HOLE] : ways;
}

/** Holes that touch are one. */
function numbered(way: string): string {
  let count = 0;
  return way.replace(/\0+/g, () => `{${++count}}`);
}
