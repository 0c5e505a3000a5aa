/// A page for a developer's browser: plain HTML without scripts.
enum HTMLPage {
    /// - Parameter body: HTML; what came from outside is `escaped` in it.
    static func html(_ title: String, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title>
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
        h1{margin:0 0 .5rem;font-size:1.4rem}h2{margin:1.5rem 0 .25rem;font-size:1.05rem}
        p{margin:0 0 1.25rem;color:#555c6b}
        label{display:block;font-weight:600}label.check{font-weight:400;margin:.75rem 0}
        input[type=email]{box-sizing:border-box;width:100%;padding:.6rem;margin-top:.25rem;font:inherit;\
        border:1px solid #b9bfca;border-radius:8px}
        button{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;border-radius:8px;cursor:pointer;\
        border:1px solid #b9bfca;background:#fff;margin-top:.5rem}
        button.main{background:#2456d6;border-color:#2456d6;color:#fff;font-weight:600}
        button.cancel{border-color:transparent;color:#555c6b}p.again{margin:1.25rem 0 0}
        table{width:100%;border-collapse:collapse;margin:0 0 1.25rem}td{padding:.35rem 0;\
        border-bottom:1px solid #e4e7ec}td:last-child{text-align:right;white-space:nowrap}
        tr.total td{font-weight:600;border-bottom:0}p.alert{padding:.6rem .8rem;border-radius:8px;\
        background:#fdecea;color:#8f1d14}
        """

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

extension HTTPAnswer {
    static func html(_ status: Int, _ text: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status, contentType: "text/html; charset=utf-8",
            headers: [
                ("Cache-Control", "no-store"), ("Content-Security-Policy", "frame-ancestors 'none'"),
            ], body: Array(text.utf8))
    }

    static func redirect(_ url: String) -> HTTPAnswer {
        HTTPAnswer(status: 303, contentType: nil, headers: [("Location", url)], body: [])
    }
}
