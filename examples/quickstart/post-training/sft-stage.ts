import { isSameAnswer } from "@ds3/align-grpo";
import { type ChatRecord, encodeChats, fineTune } from "@ds3/align-sft";
import { optimizerFor } from "@ds3/example-shared";
import { formatProgress } from "@ds3/trainer";
import { formatCount, stageLine } from "../terminal.ts";
import { answer, askAll, question, questionForms, reply } from "./arithmetic.ts";
import { ask } from "./ask.ts";
import type { Stage, StageContext } from "./stage.ts";
import { textExchanges } from "./text-tasks.ts";

/** Supervised fine-tuning on sums and on exchanges about the texts, judged by the share of held-out sums that come out right. */
export function sftStage(context: StageContext): Stage {
  const { format, plan, precision, sums, terminal, signal, seed } = context;
  const { steps, batch, length, peak, floor } = plan.sft;
  const heldOut = sums.heldOut.slice(0, plan.heldOutSums);
  return {
    name: "sft",
    measure: "held-out sums right, most likely reply",
    unit: "share",
    metrics: "chat/metrics.jsonl",
    async measureHeldOut(model) {
      const questions = heldOut.map((sum, i) => question(sum, i % questionForms));
      const replies = await ask(model, format, questions, { maxNewTokens: plan.replyTokens });
      const right = replies.filter(({ prompt, text }) => isSameAnswer(text, answer(heldOut[prompt]!))).length;
      return { value: right / heldOut.length, n: heldOut.length };
    },
    async train(model, files) {
      const { samples, dropped } = encodeChats(chatRecords(context), format.tokenizer, format.template, {
        maxLength: length,
      });
      const left = dropped.tooLong > 0 ? `; ${formatCount(dropped.tooLong)} left out: too long` : "";
      terminal.print(stageLine("sft", `${formatCount(samples.length)} conversations${left}`));
      return fineTune({
        ...files,
        model,
        samples,
        stages: [{ name: "chat", steps, schedule: { peak, floor, warmupSteps: Math.ceil(steps / 20) } }],
        batch,
        length,
        seed,
        optimizer: optimizerFor(precision),
        settings: { precision },
        signal,
        checkpointEvery: Math.ceil(steps / 2),
        onProgress: (progress) => terminal.status(formatProgress(progress)),
        onNote: (text) => terminal.print(text),
      });
    },
    curves: [{ label: "loss on what the assistant says, nats per token", value: ({ terms }) => terms.main! }],
  };
}

function chatRecords({ sums, documents, plan, seed }: StageContext): ChatRecord[] {
  const asked = askAll(sums.train, seed).map(({ sum, question, style }) =>
    exchange("arithmetic", question, reply(sum, style)),
  );
  const texts = textExchanges(documents.train, plan.sft.textExchanges, seed);
  return [...asked, ...texts.map(({ user, assistant }) => exchange("texts", user, assistant))];
}

function exchange(source: string, user: string, assistant: string): ChatRecord {
  return {
    source,
    messages: [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ],
  };
}
