/// An error as AWS names it.
struct AWSError: Error, Sendable {
    var code: String
    var message: String
    var status: Int

    init(_ code: String, _ message: String, status: Int = 400) {
        self.code = code
        self.message = message
        self.status = status
    }

    static func missing(_ parameter: String) -> AWSError {
        AWSError("MissingParameter", "The request must contain the parameter \(parameter)")
    }

    static func invalid(_ value: String, for parameter: String, _ why: String = "") -> AWSError {
        let message = "Value (\(value)) for parameter \(parameter) is invalid. \(why)"
        return AWSError("InvalidParameterValue", message.trimmingSuffixSpaces())
    }

    static let requestLimitExceeded = AWSError("RequestLimitExceeded", "Request limit exceeded.", status: 503)
    /// What the services of the JSON protocol say instead.
    static let throttling = AWSError("ThrottlingException", "Rate exceeded")

    /// EC2's error document. Source: EC2 API reference, "Error codes".
    func ec2Answer(requestID: String) -> HTTPAnswer {
        var xml = XMLText()
        xml.element("Response") {
            $0.element("Errors") {
                $0.element("Error") {
                    $0.element("Code", code)
                    $0.element("Message", message)
                }
            }
            $0.element("RequestID", requestID)
        }
        return HTTPAnswer(
            status: status, contentType: "text/xml;charset=UTF-8",
            headers: [("x-amzn-requestid", requestID)], body: xml.document)
    }

    /// The JSON 1.1 protocol's error, with the type also in a header.
    func jsonAnswer(requestID: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status, contentType: "application/x-amz-json-1.1",
            headers: [("x-amzn-requestid", requestID), ("x-amzn-errortype", code)],
            body: JSONValue.object(["__type": .string(code), "message": .string(message)]).bytes)
    }
}

extension String {
    func trimmingSuffixSpaces() -> String {
        var copy = self
        while copy.last == " " { copy.removeLast() }
        return copy
    }
}
