import AuditChain

/// What a route does, takes and answers, for whoever calls it. Who may call it stands in the table of routes.
struct RouteDescription: Sendable {
    struct Parameter: Sendable {
        var name: String
        var schema: Schema
        var meaning: String
    }

    package struct Answer: Sendable {
        package var status: Int
        var meaning: String
        /// nil: no body.
        package var schema: Schema?
        var contentType = "application/json"
        /// Another form of the same, a text, for whoever asks for it.
        var textType: String?

        package init(
            status: Int, meaning: String, schema: Schema? = nil, contentType: String = "application/json",
            textType: String? = nil
        ) {
            self.status = status
            self.meaning = meaning
            self.schema = schema
            self.contentType = contentType
            self.textType = textType
        }

        package static func ok(_ meaning: String, _ schema: Schema) -> Answer {
            Answer(status: 200, meaning: meaning, schema: schema)
        }
        package static func created(_ meaning: String, _ schema: Schema) -> Answer {
            Answer(status: 201, meaning: meaning, schema: schema)
        }
        package static func accepted(_ meaning: String, _ schema: Schema) -> Answer {
            Answer(status: 202, meaning: meaning, schema: schema)
        }
        package static let nothing = Answer(status: 204, meaning: "Done.")
        func alsoText(_ contentType: String) -> Answer {
            var answer = self
            answer.textType = contentType
            return answer
        }

        package static func lines(_ meaning: String, _ contentType: String) -> Answer {
            Answer(status: 200, meaning: meaning, schema: ["type": "string"], contentType: contentType)
        }
        static func redirect(_ meaning: String) -> Answer { Answer(status: 302, meaning: meaning) }
    }

    /// Method and path, as `GET /cp/admin/orgs/:slug`.
    var route: String
    /// A short sentence.
    var summary: String
    var detail: String?
    var query: [Parameter] = []
    var body: Schema?
    /// Also without a body it means something.
    var isBodyOptional = false
    var answers: [Answer]
    /// By status, the codes of the problems that this route alone has, in words.
    var problems: [Int: String] = [:]

    init(
        _ route: String, _ summary: String, detail: String? = nil, query: [Parameter] = [],
        body: Schema? = nil, isBodyOptional: Bool = false, _ answers: Answer...,
        problems: [Int: String] = [:]
    ) {
        self.route = route
        self.summary = summary
        self.detail = detail
        self.query = query
        self.body = body
        self.isBodyOptional = isBodyOptional
        self.answers = answers
        self.problems = problems
    }
}

extension RouteDescription.Parameter {
    static func limit(_ range: ClosedRange<Int>, default count: Int) -> Self {
        .init(
            name: "limit", schema: Shape.integer(range), meaning: "How many at most; \(count) by default.")
    }

    static let offset = RouteDescription.Parameter(
        name: "offset", schema: Shape.integer(0...1_000_000), meaning: "How many to pass by.")
}

/// The routes of one noun, and the schemas that they share.
struct NounDescription: Sendable {
    var name: String
    var meaning: String
    var schemas: [String: Schema] = [:]
    var routes: [RouteDescription]
}
