import Foundation
import HTTPTypes
import Hummingbird

/// How a service fails once. Throttles and answers about what is not yet visible come in its own shape.
enum Fault: String, Sendable, CaseIterable {
    /// It took effect, and the connection ended without an answer.
    case lostReply = "lost reply"
    /// It took no effect, and the connection was reset.
    case reset = "connection reset"
    case status500 = "500"
    case status503 = "503"
    case throttle
    /// It took effect, and no answer came for 35 s.
    case silence
    /// It took effect, and the answer could not be read.
    case malformed = "malformed body"
    /// The service does not show yet what it has just created.
    case hidden = "not yet visible"
}

extension Fault {
    /// A service hides what was created from those who ask for it; the others know nothing to hide.
    func applies(to call: String) -> Bool {
        // Stripe's lists show at once what was made.
        if self == .hidden, call.hasPrefix("stripe.") { return false }
        let asks =
            call.contains(":id") || call.contains(".GET ") || call.hasPrefix("ssm.")
            || ["ec2.DescribeInstances", "ec2.TerminateInstances"].contains(call)
        return self != .hidden || asks
    }
}

extension Call {
    /// - Returns: nil where the service has no such answer.
    func answer(to fault: Fault) -> Response? {
        switch fault {
        case .status500: plain(.internalServerError, "an internal error has occurred")
        case .status503: plain(.serviceUnavailable, "try again")
        case .throttle: throttle
        case .hidden: hidden
        case .lostReply, .reset, .silence, .malformed: nil
        }
    }

    private var isJSON: Bool { name.hasPrefix("ssm.") || name.hasPrefix("kms.") }

    private var throttle: Response {
        switch provider {
        case .aws where isJSON: jsonError("ThrottlingException")
        case .aws: xmlError(.serviceUnavailable, "RequestLimitExceeded")
        case .cloudflare:
            cloudflareError(.tooManyRequests, 971, "Please wait and consider throttling your request speed")
        case .stripe:
            json(.tooManyRequests, #"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#)
        case .registry, .edge, .front: plain(.tooManyRequests, "slow down")
        }
    }

    private var hidden: Response? {
        switch name {
        case "ec2.DescribeInstances":
            xml(.ok, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")
        case "ec2.TerminateInstances", "ec2.CreateTags", "ec2.GetConsoleOutput":
            xmlError(.badRequest, "InvalidInstanceID.NotFound")
        case "ssm.SendCommand": jsonError("InvalidInstanceId")
        case "ssm.ListCommandInvocations": json(.ok, #"{"CommandInvocations":[]}"#)
        case "ssm.DescribeInstanceInformation": json(.ok, #"{"InstanceInformationList":[]}"#)
        case "cloudflare.GET cfd_tunnel", "cloudflare.GET dns_records":
            json(.ok, #"{"success":true,"errors":[],"messages":[],"result":[]}"#)
        case _ where name.hasPrefix("cloudflare.") && name.contains(":id"):
            cloudflareError(.notFound, 1003, "not found")
        case "edge.GET health": plain(.init(code: 530), "error 1033")
        default: nil
        }
    }

    private func xmlError(_ status: HTTPResponse.Status, _ code: String) -> Response {
        xml(
            status,
            """
            <Response><Errors><Error><Code>\(code)</Code><Message>injected</Message></Error></Errors>\
            <RequestID>injected</RequestID></Response>
            """)
    }

    private func jsonError(_ type: String) -> Response {
        json(.badRequest, #"{"__type":"\#(type)","message":"injected"}"#)
    }

    private func cloudflareError(_ status: HTTPResponse.Status, _ code: Int, _ text: String) -> Response {
        var response = json(
            status,
            """
            {"success":false,"errors":[{"code":\(code),"message":"\(text)"}],"messages":[],"result":null}
            """
        )
        if status == .tooManyRequests { response.headers[.retryAfter] = "1" }
        return response
    }

    private func xml(_ status: HTTPResponse.Status, _ body: String) -> Response {
        response(status, "text/xml;charset=UTF-8", body)
    }

    private func json(_ status: HTTPResponse.Status, _ body: String) -> Response {
        response(status, "application/json", body)
    }

    private func plain(_ status: HTTPResponse.Status, _ body: String) -> Response {
        response(status, "text/plain", body)
    }

    private func response(_ status: HTTPResponse.Status, _ type: String, _ body: String) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}
