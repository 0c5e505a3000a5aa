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

    private static func page(_ body: String) -> String { HTMLPage.html("Sign in", body) }

    private static func escaped(_ text: String) -> String { HTMLPage.escaped(text) }
}
