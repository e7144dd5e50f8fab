/**
 * A CONNECT as a web `Request`, which the platform's constructor refuses to make. Its URL is a placeholder: the target
 * stands in the bindings, because not every target that a client can send fits into a URL.
 */
export class ConnectRequest extends Request {
  /**
   * A CONNECT without a body.
   *
   * @param headers as received, without pseudo-headers
   */
  constructor(headers: Headers) {
    super("https://connect.invalid/", { headers });
  }

  /** Always `CONNECT`. */
  override get method(): string {
    return "CONNECT";
  }
}
