/**
 * What a container gets of a text in `command` or `args`. Written from Kubernetes' documentation, not from our code:
 * `$(NAME)` is the variable's value, or stays as it is where there is no such variable; `$$` is one `$`, so that
 * `$$(NAME)` is `$(NAME)` whatever there is.
 */
export function expanded(text: string, variable: (name: string) => string | undefined): string {
  let result = ''
  let at = 0
  while (at < text.length) {
    const rest = text.slice(at, at + 2)
    if (rest === '$$') {
      result += '$'
      at += 2
    } else if (rest === '$(') {
      const end = text.indexOf(')', at)
      if (end < 0) {
        // No closing parenthesis: it is text.
        result += '$('
        at += 2
        continue
      }
      const whole = text.slice(at, end + 1)
      result += variable(whole.slice(2, -1)) ?? whole
      at = end + 1
    } else {
      result += text[at]
      at++
    }
  }
  return result
}
