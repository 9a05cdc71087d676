const KIB = 1024

/** Command lines that some shell, Kubernetes or JSON on their way might change. */
export const COMMANDS: Record<string, string> = {
  quotes: `echo "a 'b' \\"c\\"" 'd "e"' \\\\`,
  newlines: 'set -e\nflask db upgrade\n\n\techo done\r\n',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: for the shell
  references: 'echo $(X) $(HOME) $(date) ${X} $((1+2)) $( X )',
  dollars: 'echo $$ $$$ $$$$ $$(X) $$$(X) $$$$(X) $ $) $( $$( end$',
  variables: 'cd $HOME && echo "$@" $1 $? $! $-',
  backticks: 'echo `date` `echo $(X)`',
  'non-ascii': 'echo „grün“ 数据库 \u{1f418} é e\u0301 \u00a0 \u2028',
  dash: '-c --help -- x',
  comment: '# nothing but a comment $(X)',
  'brackets-of-a-shell': '[ -f $(X) ] && flask db upgrade',
  'a-hundred-kib': `: ${'$(X) $$ é" '.repeat(8533)}`.padEnd(100 * KIB - 8533, 'x'), // é has two bytes
}
