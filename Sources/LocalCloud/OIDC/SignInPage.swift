/// The page on which a developer says who they are. Nobody is asked for a password: everything here runs on
/// one machine.
enum SignInPage {
    /// - Parameters:
    ///   - query: what the client asked, sent on with the form.
    ///   - hint: an address to begin with.
    ///   - people: who has signed in before, newest first.
    static func html(
        query: [(name: String, value: String)], clientID: String, hint: String, people: [Person]
    ) -> String {
        let kept = query.map {
            #"<input type="hidden" name="\#(escaped($0.name))" value="\#(escaped($0.value))">"#
        }.joined(separator: "\n")
        let known = people.map {
            """
            <button class="person" name="as" value="\(escaped($0.email))">\(escaped($0.email))\
            \($0.isVerified ? "" : " <small>not verified</small>")</button>
            """
        }.joined(separator: "\n")
        return page(
            """
            <h1>Sign in</h1>
            <p>to <b>\(escaped(clientID))</b>, as anybody you like. This is the local cloud: no password is \
            asked for.</p>
            <form method="post" action="/authorize">
            \(kept)
            <label for="email">Your e-mail address</label>
            <input id="email" name="email" type="email" autocomplete="email" autofocus \
            value="\(escaped(hint))">
            <label class="check"><input name="verified" type="checkbox" value="yes" checked>
            the address is verified</label>
            <button class="main">Sign in</button>
            \(people.isEmpty ? "" : "<p class=\"again\">or again as</p>\n" + known)
            <button class="cancel" name="cancel" value="yes" formnovalidate>Cancel</button>
            </form>
            """)
    }

    static func refusal(_ reason: String) -> String {
        page("<h1>This cannot be signed in to</h1>\n<p>\(escaped(reason))</p>")
    }

    private static func page(_ body: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>Sign in</title>
        <meta name="viewport" content="width=device-width, initial-scale=1"><style>\(style)</style></head>
        <body><main>
        \(body)
        </main></body></html>
        """
    }

    private static let style = """
        body{margin:0;background:#f3f4f6;color:#1f2430;font:16px/1.5 system-ui,sans-serif}
        main{max-width:23rem;margin:12vh auto 2rem;padding:2rem;background:#fff;border-radius:12px;\
        box-shadow:0 1px 4px #0002}
        h1{margin:0 0 .5rem;font-size:1.4rem}p{margin:0 0 1.25rem;color:#555c6b}
        label{display:block;font-weight:600}label.check{font-weight:400;margin:.75rem 0}
        input[type=email]{box-sizing:border-box;width:100%;padding:.6rem;margin-top:.25rem;font:inherit;\
        border:1px solid #b9bfca;border-radius:8px}
        button{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;border-radius:8px;cursor:pointer;\
        border:1px solid #b9bfca;background:#fff;margin-top:.5rem}
        button.main{background:#2456d6;border-color:#2456d6;color:#fff;font-weight:600}
        button.cancel{border-color:transparent;color:#555c6b}p.again{margin:1.25rem 0 0}
        """

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}
