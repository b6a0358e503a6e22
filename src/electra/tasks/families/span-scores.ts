/**
 * The official scores of answers, in percent, and what they mean: SQuAD 2.0's, and those of SQuAD 1.1 and MRQA.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { HeadKind } from '../../store/models/hf-task-config.js'
import type { Column, Report } from '../../training/columns.js'
import type { QuestionExample } from '../data/examples.js'
import type { PredictedAnswer } from '../features/answers.js'
import {
  mrqaScores,
  officialSquad2,
  squad1Scores,
  squad2Scores,
  type AnswerScores,
  type Gold
} from '../metrics/squad.js'
import { printAnswers, printNullScores } from '../submissions.js'
import type { Judgement } from '../task.js'

export type SpanScoring = {
  readonly columns: (dev: ReadonlyArray<QuestionExample>) => ReadonlyArray<Column>
  readonly judge: (
    head: HeadKind,
    questions: ReadonlyArray<QuestionExample>,
    answers: ReadonlyArray<PredictedAnswer>
  ) => Judgement
}

const isLabelled = (questions: ReadonlyArray<QuestionExample>): boolean =>
  questions.some(({ golds, isImpossible }) => golds.length > 0 || isImpossible)

const answersFile = (answers: ReadonlyArray<PredictedAnswer>): Judgement['files'] => ({
  'predictions.json': printAnswers(answers.map(({ id, text }) => [id, text]))
})

/**
 * The null score above which a question has no answer. -2.75 was tuned by the published code's authors for the logit of its
 * answerability head; logits of [CLS] are compared with 0, as BERT's published code and transformers do.
 */
export const nullThreshold: Readonly<Record<HeadKind, number>> = { official: -2.75, huggingface: 0 }

const score = (name: string, meaning: string, label?: string, noAnswer?: number): Column => ({
  ...{ name, meaning, better: 'up', digits: 2 },
  ...(label === undefined ? {} : { label }),
  ...(noAnswer === undefined ? {} : { baselines: () => ({ noContext: noAnswer }) })
})

const fact = (name: string, meaning: string, digits: number): Column => ({ name, meaning, better: 'neither', digits })

/** SQuAD 2.0: scores under the official scorer's names. The baseline is that no question has an answer. */
export const squad2: SpanScoring = {
  columns: (dev) => {
    const noAnswer = (100 * dev.filter(({ golds }) => golds.length === 0).length) / dev.length
    return [
      score('exact', 'Answers that equal one of the right ones, or rightly are none; in %.', 'exact match', noAnswer),
      score('f1', 'Mean F1 of the words of answers, 100 where there rightly is none; in %.', 'F1', noAnswer),
      score('HasAns_exact', 'Exact matches of the questions that have an answer, in %.'),
      score('HasAns_f1', 'Mean F1 of the questions that have an answer, in %.'),
      score('NoAns_exact', 'Questions without an answer that were given none, in %.'),
      score('NoAns_f1', 'The same: without an answer F1 is the exact match.'),
      score('best_exact', 'Exact matches at the threshold where they are most, in %.', 'best exact match', noAnswer),
      score('best_f1', 'Mean F1 at the threshold where it is highest, in %.', 'best F1', noAnswer),
      fact('best_exact_thresh', 'The null score above which there is no answer, for the most exact matches.', 3),
      fact('best_f1_thresh', 'The null score above which there is no answer, for the highest F1.', 3),
      fact('total', 'Questions.', 0),
      fact('HasAns_total', 'Questions with an answer.', 0),
      fact('NoAns_total', 'Questions without an answer.', 0)
    ]
  },
  judge: (head, questions, answers) => {
    const predictions = new Map(answers.map(({ id, text, nullScore }) => [id, { text, nullScore }]))
    const nullScores = printNullScores(answers.map(({ id, nullScore }) => [id, nullScore]))
    return {
      report: isLabelled(questions) ? officialSquad2(squad2Scores(nullThreshold[head])(questions, predictions)) : {},
      files: { ...answersFile(answers), ...(E.isLeft(nullScores) ? {} : { 'null_odds.json': nullScores.right }) }
    }
  }
}

const answered = (
  scores: (questions: ReadonlyArray<Gold>, predictions: ReadonlyMap<string, string>) => AnswerScores
): SpanScoring => ({
  columns: () => [
    score('exact_match', 'Answers that equal one of the right ones, in %.', 'exact match'),
    score('f1', 'Mean F1 of the words of answers, the best over the right ones; in %.', 'F1'),
    fact('total', 'Questions.', 0)
  ],
  judge: (_, questions, answers) => {
    const report = (): Report => {
      const { exact, f1, total } = scores(questions, new Map(answers.map(({ id, text }) => [id, text])))
      return { exact_match: exact, f1, total }
    }
    return { report: isLabelled(questions) ? report() : {}, files: answersFile(answers) }
  }
})

export const squad1: SpanScoring = answered(squad1Scores)

export const mrqa: SpanScoring = answered(mrqaScores)
