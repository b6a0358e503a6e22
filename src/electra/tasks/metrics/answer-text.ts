/**
 * When two answers to a question say the same: SQuAD's normalisation, exact match and F1 of words.
 *
 * Letters, words and white space are what Python's `str` takes for them, as the official scorers run on it.
 */

/** Of a class of characters that ends or begins a word for Python's `\b`: letters, numbers of any kind, the underscore. */
const inWord = String.raw`[\p{L}\p{N}_]`

const articles = new RegExp(`(?<!${inWord})(?:a|an|the)(?!${inWord})`, 'gu')

/** `string.punctuation`: ASCII's only. */
const punctuation = /[!-/:-@[-`{-~]/g

/** What `str.split()` splits at. JavaScript's `\s` has a byte order mark more, and lacks U+001C to U+001F and U+0085. */
const whiteSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u

/** The words of an answer, lower-cased, without ASCII punctuation, and without the words a, an, the. */
export const answerWords = (answer: string): ReadonlyArray<string> =>
  answer
    .toLowerCase()
    .replace(punctuation, '')
    .replace(articles, ' ')
    .split(whiteSpace)
    .filter((word) => word !== '')

/** An answer with what does not matter taken away. Normalising once more changes nothing. */
export const normaliseAnswer = (answer: string): string => answerWords(answer).join(' ')

/** 1 where the answers are equal once normalised, else 0. */
export const exactMatch = (gold: string, predicted: string): 0 | 1 =>
  normaliseAnswer(gold) === normaliseAnswer(predicted) ? 1 : 0

/**
 * F1 of the words that two answers have in common, counted as often as both have them; 0 where there are none, so that of two
 * empty answers too (as SQuAD 1.1 and MRQA score).
 */
export const wordF1 = (gold: string, predicted: string): number => {
  const [golds, words] = [answerWords(gold), answerWords(predicted)]
  const left = new Map<string, number>()
  for (const word of golds) left.set(word, (left.get(word) ?? 0) + 1)
  let same = 0
  for (const word of words) {
    const n = left.get(word) ?? 0
    if (n > 0) same += 1
    left.set(word, n - 1)
  }
  if (same === 0) return 0
  const [precision, recall] = [same / words.length, same / golds.length]
  return (2 * precision * recall) / (precision + recall)
}

/** As `wordF1`, but of an empty answer 1 where the other is empty too, as SQuAD 2.0 scores. */
export const answerF1 = (gold: string, predicted: string): number =>
  normaliseAnswer(gold) === '' && normaliseAnswer(predicted) === '' ? 1 : wordF1(gold, predicted)
