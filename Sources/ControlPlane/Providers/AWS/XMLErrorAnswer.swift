import Foundation
import XMLCoder

/// An error in XML: `<Response><Errors><Error>...` of EC2, `<ErrorResponse><Error>...` of other services.
struct XMLErrorAnswer: Decodable {
    private struct Failure: Decodable {
        var code: String
        var message: String?

        private enum CodingKeys: String, CodingKey {
            case code = "Code"
            case message = "Message"
        }
    }

    private struct Failures: Decodable {
        var items: [Failure]

        private enum CodingKeys: String, CodingKey { case items = "Error" }
    }

    private var several: Failures?
    private var one: Failure?

    private enum CodingKeys: String, CodingKey {
        case several = "Errors"
        case one = "Error"
    }

    static func parse(_ body: [UInt8]) -> (code: String, message: String)? {
        guard let answer = try? XMLDecoder().decode(XMLErrorAnswer.self, from: Data(body)),
            let failure = answer.several?.items.first ?? answer.one
        else { return nil }
        return (failure.code, failure.message ?? "")
    }
}
