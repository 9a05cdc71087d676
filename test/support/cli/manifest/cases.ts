import type { EditWay } from '../../../../src/cli/manifest/edit.ts'
import type { Json } from '../../../../src/json.ts'

/** One edit of one document. */
export interface Case {
  readonly name: string
  readonly before: string
  /** What is put where; undefined takes out. Keys are joined by `/`; a `/` in a key is written `|`. */
  readonly set: Readonly<Record<string, Json | undefined>>
  readonly after: string
  /** `text` if not said. */
  readonly way?: EditWay
  /** False where taking the edit back gives the value, but not the bytes. */
  readonly returns?: false
}

const SCRIPT = '#!/bin/sh\n\nif true; then\n  exit\nfi'

const BLOCK: Case[] = [
  {
    name: 'a new key stands at the end of its map, above blank lines, and below the comments that are indented with it',
    before: 'metadata:\n  name: shop # it\n  # of metadata\n\n# of spec\nspec: {}\n',
    set: { 'metadata/annotations': { 'migrate.io/injected': '{"v":1}' } },
    after:
      'metadata:\n  name: shop # it\n  # of metadata\n  annotations:\n    migrate.io/injected: \'{"v":1}\'\n\n# of spec\nspec: {}\n',
  },
  {
    name: 'an item goes to the end of a list that is not indented, and the comment above the next key stays there',
    before: 'spec:\n  init:\n  - name: a\n    # in a\n  # about containers\n  containers:\n  - name: b\n',
    set: { 'spec/init/1': { name: 'c', args: [SCRIPT] } },
    after:
      'spec:\n  init:\n  - name: a\n    # in a\n  - name: c\n    args:\n    - |-\n      #!/bin/sh\n\n      if true; then\n        exit\n      fi\n  # about containers\n  containers:\n  - name: b\n',
  },
  {
    name: 'an item goes to the end of an indented list, with the steps that the author uses',
    before: 'spec:\n    init:\n        - name: a\n          env:\n              x: 1\n',
    set: { 'spec/init/1': { name: 'c', args: { d: ['e'] } } },
    after:
      'spec:\n    init:\n        - name: a\n          env:\n              x: 1\n        - name: c\n          args:\n              d:\n                  - e\n',
  },
  {
    name: 'comments of odd indentation stay where they are',
    before: 'a:\n    b:\n    - x\n  # odd\n      # odder\nc: 1\n',
    set: { 'a/b/1': 's\nt', 'a/d': 1 },
    after: 'a:\n    b:\n    - x\n    - |-\n      s\n      t\n    d: 1\n  # odd\n      # odder\nc: 1\n',
  },
  {
    name: 'an item is taken out with its own comments, the ones above items stay',
    before: 'l:\n# first\n- name: a\n# second\n- name: b # b\n  # in b\n  image: c\n# third\n- name: c\n',
    set: { 'l/1': undefined },
    after: 'l:\n# first\n- name: a\n# second\n# third\n- name: c\n',
    returns: false,
  },
  {
    name: 'an item comes first, above the comments of the one that was',
    before: 'l:\n  # first\n  - name: a\n',
    set: { l: [{ name: 'z' }, { name: 'a' }] },
    after: 'l:\n  - name: z\n  # first\n  - name: a\n',
  },
  {
    name: 'lists in lists',
    before: 'l:\n- - a\n  - b\n- - c\n',
    set: { 'l/0': ['z', 'a', 'b'], 'l/1/1': 'd' },
    after: 'l:\n- - z\n  - a\n  - b\n- - c\n  - d\n',
  },
  {
    name: 'the first key of an item goes: the next one moves up to the dash, a comment stays',
    before: 'l:\n- a: x # a\n  b: 1\n- a: y\n  # about b\n  b: 2\n- c: 1\n',
    set: { 'l/0/a': undefined, 'l/1/a': undefined },
    after: 'l:\n- b: 1\n-\n  # about b\n  b: 2\n- c: 1\n',
    way: 'text',
    returns: false,
  },
  {
    name: 'null, an empty map and an empty list become blocks; their comments stay in the line of the key',
    before: 'a: # c\nb: {} # d\nc: [] # e\nd:\n',
    set: { a: ['x'], b: { y2: 1 }, c: [{ name: 'z' }], d: 'x\ny\n' },
    after: 'a: # c\n- x\nb: # d\n  y2: 1\nc: # e\n- name: z\nd: |\n  x\n  y\n',
    returns: false,
  },
  {
    name: 'an empty list is filled, and empty again',
    before: 'spec:\n  initContainers: [] # none\n  containers:\n    - name: app\n',
    set: { 'spec/initContainers/0': { name: 'migrate-io' } },
    after: 'spec:\n  initContainers: # none\n    - name: migrate-io\n  containers:\n    - name: app\n',
  },
  {
    name: 'scalars change in place and keep their quotes and comments',
    before: 'a: "x" # a\nb:   \'y\'\nc: z\nd: 1 # d\n',
    set: { a: 'q', b: 'on', c: 'no', d: 2 },
    after: 'a: "q" # a\nb:   \'on\'\nc: "no"\nd: 2 # d\n',
    returns: false,
  },
  {
    name: 'block scalars become plain and again blocks',
    before: 'a: |- # a\n  foo\n  bar\n\nb: 1\n',
    set: { a: 'x' },
    after: 'a: x # a\n\nb: 1\n',
  },
  {
    name: 'below a block scalar that keeps its blank lines',
    before: 'l:\n- a: |+\n    foo\n\n- b\n',
    set: { 'l/0/c': 1, 'l/2': 'd' },
    after: 'l:\n- a: |+\n    foo\n\n  c: 1\n- b\n- d\n',
  },
  {
    name: 'a value in the line below its key, and one of many lines',
    before: 'a:\n  # why\n  "long"\nb:\n  [1,\n   2]\nc: "x\n  y" # c\n',
    set: { a: 'x', 'b/2': 3, c: 'z' },
    after: 'a: "x"\n  # why\nb:\n  [1,\n   2,\n   3]\nc: "z" # c\n',
    returns: false,
  },
  {
    name: 'quoted keys, and keys that need quotes',
    before: '"a b":\n  \'c\': 1\n',
    set: { 'a b/c': 2, 'a b/on': 'yes', 'a b/x: y': '0123' },
    after: '"a b":\n  \'c\': 2\n  "on": "yes"\n  "x: y": "0123"\n',
  },
  {
    name: 'no line end at the end',
    before: 'a:\n  b: 1',
    set: { 'a/c': 'x\ny' },
    after: 'a:\n  b: 1\n  c: |-\n    x\n    y',
  },
  {
    name: 'Windows line ends',
    before: 'a:\r\n  b: 1 # b\r\nd: e\r\n',
    set: { 'a/s': 'x\ny\n', 'a/b': 2 },
    after: 'a:\r\n  b: 2 # b\r\n  s: |\r\n    x\r\n    y\r\nd: e\r\n',
  },
  { name: 'a byte order mark', before: '\uFEFFa: 1\n', set: { b: { c: 1 } }, after: '\uFEFFa: 1\nb:\n  c: 1\n' },
  {
    name: 'document marks',
    before: '--- # s\na: 1\n... # e\n',
    set: { b: { c: 1 } },
    after: '--- # s\na: 1\nb:\n  c: 1\n... # e\n',
  },
  {
    name: 'what YAML 1.1 reads otherwise stays as it is',
    before: 'a: yes\nb: 0644\nc: 1_000\nd: off\n',
    set: { e: true, f: 'yes' },
    after: 'a: yes\nb: 0644\nc: 1_000\nd: off\ne: true\nf: "yes"\n',
  },
  {
    name: 'what some reader takes for a mark, a type or a line break is quoted',
    before: 'a: 1\n',
    set: { b: ['=', '<<', '---', '... x', 'p\u2028q', '\uFEFF', 'r\x7f', 's\n\n', ' t\nu'] },
    after:
      'a: 1\nb:\n- "="\n- "<<"\n- "---"\n- "... x"\n- "p\\u2028q"\n- "\\ufeff"\n- "r\\u007f"\n- "s\\n\\n"\n- " t\\nu"\n',
  },
  {
    name: 'long strings stay in one line',
    before: 'a: 1\n',
    set: { b: 'word '.repeat(60).trim() },
    after: `a: 1\nb: ${'word '.repeat(60).trim()}\n`,
  },
  {
    name: 'an explicit key is beyond text edits: the tree of nodes is written out',
    before: '? a\n:   1\nb:   2 # b\n',
    set: { b: 3 },
    after: 'a: 1\nb: 3 # b\n',
    way: 'nodes',
    returns: false,
  },
]

const FLOW: Case[] = [
  {
    name: 'flow maps and lists take keys and items in place',
    before: 'metadata: {labels: {app: shop}} # m\nl: [ a, b, ] # l\n',
    set: { 'metadata/labels/migrate.io|protocol': '1', 'l/2': 'c d' },
    after: 'metadata: {labels: {app: shop, migrate.io/protocol: "1"}} # m\nl: [ a, b, "c d", ] # l\n',
  },
  {
    name: 'they lose them in place',
    before: 'a: { b: 1, c: 2 }\nl: [1, 2, 3]\n',
    set: { 'a/c': undefined, 'l/0': undefined },
    after: 'a: { b: 1 }\nl: [2, 3]\n',
  },
  {
    name: 'each in its own line',
    before: 'a: {\n  b: 1,\n  c: [] # none\n}\n',
    set: { 'a/d': { e: 'on' } },
    after: 'a: {\n  b: 1,\n  c: [],\n  d: {e: "on"} # none\n}\n',
  },
  {
    name: 'a script needs a block: the flow list is written as one',
    before: 'a: [{name: x}] # a\n',
    set: { 'a/1': { name: 'z', run: SCRIPT } },
    after: 'a: # a\n- name: x\n- name: z\n  run: |-\n    #!/bin/sh\n\n    if true; then\n      exit\n    fi\n',
    returns: false,
  },
  {
    name: 'JSON in one line, tight',
    before: '{"a":1,"b":{"c":[]}}',
    set: { 'b/c/0': { d: SCRIPT, e: 'yes' } },
    after: `{"a":1,"b":{"c":[{"d":${JSON.stringify(SCRIPT)},"e":"yes"}]}}`,
  },
  {
    name: 'JSON in one line, spaced',
    before: '{"a": 1, "b": [1]}\n',
    set: { 'b/1': { c: null } },
    after: '{"a": 1, "b": [1, {"c": null}]}\n',
  },
  {
    name: 'JSON in many lines, with tabs',
    before: '{\n\t"a": [\n\t\t1\n\t],\n\t"e": {}\n}\n',
    set: { 'a/1': [], e: { f: { g: 1 } } },
    after: '{\n\t"a": [\n\t\t1,\n\t\t[]\n\t],\n\t"e": {\n\t\t"f": {\n\t\t\t"g": 1\n\t\t}\n\t}\n}\n',
  },
]

const ANCHORS: Case[] = [
  {
    name: 'an edit under an anchor leaves what its aliases stand for',
    before: 'a: &x\n  b: 1 # b\nc: *x\nl: [*x, 2]\n',
    set: { 'a/b': 5 },
    after: 'a: &x\n  b: 5 # b\nc:\n  b: 1\nl: [{b: 1}, 2]\n',
    returns: false,
  },
  {
    name: 'an edit of an alias writes it out',
    before: 'a: &x\n  b: 1\nc: *x # c\nd: *x\n',
    set: { 'c/b': 5 },
    after: 'a: &x\n  b: 1\nc: # c\n  b: 5\nd: *x\n',
    returns: false,
  },
  {
    name: 'an anchor without aliases is edited like anything else',
    before: 'a: &x\n  b: 1\n',
    set: { 'a/c': 5 },
    after: 'a: &x\n  b: 1\n  c: 5\n',
  },
  {
    name: 'an edit elsewhere leaves anchors, aliases and merge keys',
    before: 'a: &x {b: 1}\nc: &z\n  <<: *x\n  d: [*x]\ne: *z\n',
    set: { f: 1 },
    after: 'a: &x {b: 1}\nc: &z\n  <<: *x\n  d: [*x]\ne: *z\nf: 1\n',
  },
  {
    name: 'anchors in anchors',
    before: 'a: &x\n  b: &z\n    c: 1\n  d: *z\ne: *x\n',
    set: { 'a/b/c': 2 },
    after: 'a: &x\n  b: &z\n    c: 2\n  d:\n    c: 1\ne:\n  b:\n    c: 1\n  d:\n    c: 1\n',
    returns: false,
  },
  {
    name: 'the anchor goes: its first alias holds the value',
    before: 'a: &x {b: 1}\nc: *x\n',
    set: { a: undefined },
    after: 'c:\n  b: 1\n',
    returns: false,
  },
  {
    name: 'a merged key is overridden below the merge key',
    before: 'a: &x\n  b: 1\n  c: 2\nm:\n  <<: *x\n  d: 3\n',
    set: { 'm/b': 9 },
    after: 'a: &x\n  b: 1\n  c: 2\nm:\n  <<: *x\n  d: 3\n  b: 9\n',
    returns: false,
  },
  {
    name: 'a merged key goes: the merge is written out without it',
    before: 'a: &x\n  b: 1\n  c: 2\nm:\n  <<: *x\n  d: 3\n',
    set: { 'm/b': undefined },
    after: 'a: &x\n  b: 1\n  c: 2\nm:\n  d: 3\n  c: 2\n',
    returns: false,
  },
  {
    name: 'an edit under an anchor that others merge',
    before: 'a: &x\n  b: 1\nm:\n  <<: *x\nn:\n  <<: [*x]\n',
    set: { 'a/c': 2 },
    after: 'a: &x\n  b: 1\n  c: 2\nm:\n  <<:\n    b: 1\nn:\n  <<: [{b: 1}]\n',
    returns: false,
  },
]

export const CASES: readonly Case[] = [...BLOCK, ...FLOW, ...ANCHORS]
