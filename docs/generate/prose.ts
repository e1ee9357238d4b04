/** Doc comments as Markdown. */
const TAG = /^(param|returns|throws)\s+(?:(?<=(?:param|throws)\s+)([\w.]+)\s+)?(.*)$/s

/** The text, one line a paragraph, and a list of the tags. */
export function prose(comment: string): string {
  const text = comment
    .split('\n')
    .map(line => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
  const [said = '', ...tags] = text.split(/(?:^|\s)@(?=(?:param|returns|throws)\b)/)
  const items = tags.map(tag => {
    const [, kind, subject, rest = ''] = TAG.exec(tag.trim()) ?? []
    const label = kind === 'param' ? `\`${subject}\`` : kind === 'throws' ? `throws \`${subject}\`` : kind
    return `- ${label}: ${oneLine(rest)}`
  })
  return [unwrapped(said), items.join('\n')].filter(part => part !== '').join('\n\n')
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()

/** Where a comment was wrapped means nothing, but in what is laid out: examples and lists. */
const unwrapped = (text: string) =>
  text
    .trim()
    .split(/\n\s*\n/)
    .map(paragraph => (/^( {4}|[-*] )/m.test(paragraph) ? paragraph : oneLine(paragraph)))
    .join('\n\n')
