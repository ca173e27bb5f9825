// Past forms that no ending tells: a question says "where is the file written" and "who stole the work" of what code calls writeFile and steal.
// Left out are forms that code says as words of their own (left, found, ground, bound of an index, set, read) and verbs that every question has (did, got).

const forms =
  "arose:arise arisen:arise awoken:awake beaten:beat began:begin begun:begin bent:bend bitten:bite blew:blow blown:blow broke:break broken:break brought:bring built:build " +
  "bought:buy caught:catch chose:choose chosen:choose clung:cling crept:creep dealt:deal drawn:draw drew:draw driven:drive drove:drive dug:dig eaten:eat fallen:fall fed:feed " +
  "fell:fall fled:flee flew:fly flown:fly forbidden:forbid forgot:forget forgotten:forget fought:fight froze:freeze frozen:freeze gave:give given:give grew:grow grown:grow " +
  "held:hold hid:hide hidden:hide hung:hang kept:keep knew:know known:know lent:lend lost:lose made:make meant:mean met:meet mistaken:mistake overridden:override " +
  "overrode:override overwritten:overwrite overwrote:overwrite paid:pay ran:run rebuilt:rebuild redrawn:redraw remade:remake resent:resend rethrown:rethrow rewritten:rewrite rewrote:rewrite " +
  "risen:rise rose:rise sent:send shook:shake shaken:shake shrank:shrink shrunk:shrink slept:sleep slid:slide sold:sell sought:seek spent:spend spoke:speak spoken:speak sprang:spring spun:spin " +
  "stole:steal stolen:steal struck:strike sunk:sink swept:sweep swung:swing taken:take taught:teach thought:think threw:throw thrown:throw told:tell took:take tore:tear torn:tear " +
  "understood:understand undone:undo unfrozen:unfreeze unwound:unwind rewound:rewind upheld:uphold withdrawn:withdraw withheld:withhold woke:wake woken:wake won:win wore:wear worn:wear woven:weave written:write wrote:write";
const bases: ReadonlyMap<string, string> = new Map(forms.split(" ").map((pair) => pair.split(":") as [string, string]));

/** The verb that a word is a past form of, as in `steal` for `stolen`; undefined for other words. In lower case. */
export const verbOf = (word: string): string | undefined => bases.get(word);
