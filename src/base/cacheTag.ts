// How tools mark a folder of what they can make again: a file of this name that begins with this line (bford.info/cachedir).

export const cacheTag = "CACHEDIR.TAG";
export const cacheSignature = "Signature: 8a477f597d28d172789f06886806bc55";
