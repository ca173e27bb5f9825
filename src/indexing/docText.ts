// Documentation as prose: comment and docstring markers taken off. Shared by chunks (the `doc` field) and by mining.

/** Licence headers and file banners say nothing about the code below them. */
const legal = /\b(copyright|licen[sc]ed? (under|to)|all rights reserved|SPDX-License|permission is hereby granted|redistribution and use)\b|\(c\) \d{4}/i;
const htmlTag = /<\/?(?:p|br|hr|c|code|pre|summary|remarks|para|see|seealso|a|b|i|em|strong|tt|ul|ol|li|dl|dt|dd|param|paramref|typeparam|returns|value|example|exception|inheritdoc|div|span|table|tr|td|th|h[1-6]|blockquote)\b[^<>\n]{0,120}>/g;
const directive = /^\s*(\.(synopsis|description)$|eslint|tslint|prettier|biome|jshint|istanbul|c8|v8|webpack|@ts-|ts-|noqa|pylint|mypy|type:|pragma|flake8|nolint|go:|\+build|rubocop|frozen_string_literal|-\*-|vim:|clang-format|NOLINT|coding[:=]|region\b|endregion\b|#region|MARK:|=+$|-+$|\*+$|#+$)/i;

/** Nobody writes prose in longer lines, and patterns that look for an end read a line once for each character that could begin it. */
const longestLine = 2_000;

/**
 * Prose of a comment, a run of comments, or a docstring: markers, decoration, HTML tags and linter directives removed, lines kept.
 * "" for licence headers.
 */
export function docProse(raw: string): string {
  if (legal.test(raw)) return "";
  const lines = stripStringMarkers(raw)
    .split("\n")
    .filter((line) => !line.startsWith("#!"))
    .map((line) => stripMarkers(line.slice(0, longestLine)))
    .filter((line) => !directive.test(line))
    .map((line) => line.replace(htmlTag, "").trimEnd());
  const text = lines.join("\n").replace(/\n{3,}/g, "\n\n");
  return /[\p{L}\p{N}]/u.test(text) ? text.trim() : "";
}

/** `"""…"""`, `r'…'`, Elixir's `@doc ~S"""…"""`. */
function stripStringMarkers(raw: string): string {
  const quoted = /^\s*(?:@\w+\s+)?(?:[rRuUbBfF]{0,2}|~[sS])("""|'''|"|')([\s\S]*?)\1\s*$/.exec(raw);
  return quoted ? quoted[2]! : raw;
}

function stripMarkers(line: string): string {
  return line
    .trim()
    .replace(/(\*+\/|-\}|#>|\]=*\]|=end)$/, "")
    .replace(/^(\/\/[\/!]?|\/\*[*!]?|\*(?!\/)|#+!?|---?\s?[|^]?|;+|\{-\s?[|^]?|<#|%+|"""|--\[=*\[|=begin\b)/, "")
    .trim()
    .replace(/^[@\\](?:title|notice|dev|brief|summary|desc|description|module|file|fileoverview|overview)\s+/, "");
}

/** First paragraph, before tags such as `@param`, `:param x:`, `Args:`; on one line. */
export function firstParagraph(prose: string): string {
  const lines: string[] = [];
  for (const line of prose.split("\n")) {
    if (/^\s*$/.test(line)) {
      if (lines.length > 0) break;
      continue;
    }
    if (/^\s*([@\\:][a-zA-Z]+|Args:|Arguments:|Returns?:|Raises:|Parameters\b|Example|#+ |```|-{3,}|={3,}|>>>)/.test(line)) break;
    lines.push(line.trim());
  }
  return lines.join(" ").replace(/\s+/g, " ").replace(/ [@\\](param|returns?|throws|see|since|deprecated|example)\b.*$/, "").trim();
}
