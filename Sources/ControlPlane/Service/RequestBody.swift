import AdminProtocol
import FoundationEssentials
import Hummingbird

/// A body whose fields are all known. An unknown one is refused: a misspelt option must not be a silent
/// default.
protocol RequestFields: Decodable {
    associatedtype CodingKeys: CodingKey & CaseIterable
}

/// Reads JSON bodies: the size limit, the syntax and the closed set of fields, each with its own error.
enum RequestBody {
    /// The largest body that any JSON route reads.
    static let maximumBytes = 1 << 20

    static func read<Body: RequestFields>(_: Body.Type, from request: Request) async throws -> Body {
        let buffer = try await request.body.collect(upTo: maximumBytes)
        return try decode(Body.self, from: Data(buffer.readableBytesView))
    }

    static func decode<Body: RequestFields>(_: Body.Type, from data: Data) throws -> Body {
        // The decoder looks only at the strings that it takes: of two members of one name, at one.
        guard String(validating: data, as: UTF8.self) != nil else {
            throw AppError(.invalid, "invalid_body", "The body is not UTF-8.")
        }
        do {
            let known = Set(Body.CodingKeys.allCases.map(\.stringValue))
            let found = try JSONDecoder().decode(FieldNames.self, from: data).names
            if let unknown = found.subtracting(known).sorted().first {
                throw AppError(
                    .invalid, "unknown_field", "The field \"\(unknown.prefix(64))\" is not known here.",
                    members: ["known_fields": known.sorted().joined(separator: " ")])
            }
            return try JSONDecoder().decode(Body.self, from: data)
        } catch let error as DecodingError {
            throw AppError(.invalid, "invalid_body", error.forCaller)
        }
    }

    private struct FieldNames: Decodable {
        var names: Set<String>

        private struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int?
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            names = Set(try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue))
        }
    }
}

extension DecodingError {
    /// Names the field and what was expected; never the value.
    fileprivate var forCaller: String {
        func path(_ context: Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch self {
        case .keyNotFound(let key, _): "The field \"\(key.stringValue)\" is missing."
        case .valueNotFound(_, let context): "The field \"\(path(context))\" must not be null."
        case .typeMismatch(let type, let context) where context.codingPath.isEmpty:
            "The body must be a JSON object (\(type))."
        case .typeMismatch(let type, let context): "The field \"\(path(context))\" must be of type \(type)."
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "The body is not valid JSON."
        case .dataCorrupted(let context): "The field \"\(path(context))\" has a value that is not allowed."
        @unknown default: "The body could not be read."
        }
    }
}

extension Request {
    /// A whole number of the query; nil when it is not there.
    package func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw AppError.invalidField(
                name,
                "The parameter \"\(name)\" is a whole number from \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return value
    }
}
