/**
 * A chat template in the form that DeepSeek-V3 reads, in our own words.
 *
 * bos, the system texts (joined by blank lines), then `<｜User｜>` text and `<｜Assistant｜>` text eos in turn; with
 * `add_generation_prompt` it ends in `<｜Assistant｜>`. Results of tools stand between `<｜tool▁outputs▁begin｜>` and
 * `<｜tool▁outputs▁end｜>`, after which the assistant goes on without a mark of its own. Texts stay as they are.
 * Variables: `bos_token`, `eos_token`. Source of the form: the published tokenizer_config.json of DeepSeek-V3.
 *
 * Differs from it: a message of another role is refused where the published template passes over it.
 */
export const deepseekChatTemplate: string = `{%- set state = namespace(system='', in_tools=false) -%}
{%- for message in messages if message['role'] == 'system' -%}
  {%- set state.system = state.system + ('' if loop.first else '\\n\\n') + message['content'] -%}
{%- endfor -%}
{{- bos_token -}}{{- state.system -}}
{%- for message in messages -%}
  {%- if state.in_tools and message['role'] != 'tool' -%}{{- '<｜tool▁outputs▁end｜>' -}}{%- endif -%}
  {%- if message['role'] == 'user' -%}
    {{- '<｜User｜>' + message['content'] -}}
  {%- elif message['role'] == 'assistant' -%}
    {{- ('' if state.in_tools else '<｜Assistant｜>') + message['content'] -}}{{- eos_token -}}
  {%- elif message['role'] == 'tool' -%}
    {{- '' if state.in_tools else '<｜tool▁outputs▁begin｜>' -}}
    {{- '<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>' -}}
  {%- elif message['role'] != 'system' -%}
    {{- raise_exception('no role "' + message['role'] + '": known are system, user, assistant and tool') -}}
  {%- endif -%}
  {%- set state.in_tools = message['role'] == 'tool' -%}
{%- endfor -%}
{%- if state.in_tools -%}{{- '<｜tool▁outputs▁end｜>' -}}
{%- elif add_generation_prompt -%}{{- '<｜Assistant｜>' -}}
{%- endif -%}`;
