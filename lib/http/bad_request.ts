/** A request whose host or path cannot be part of a URL, or that contradicts itself: 400. The message is for the log. */
export class BadRequest extends Error {}
