/// The EC2 query API, version 2016-11-15: the calls which the control plane makes, and their neighbours.
struct EC2Service: Sendable {
    static let version = "2016-11-15"
    static let namespace = #"xmlns="http://ec2.amazonaws.com/doc/2016-11-15/""#

    let fleet: Fleet
    let throttle: Throttle
    let accountID: String

    /// Answers one authenticated request.
    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        let requestID = ResourceID.uuid()
        let parameters = QueryParameters(body: call.body)
        do {
            let action = try parameters.required("Action")
            guard parameters["Version"] == Self.version else {
                throw AWSError(
                    "NoSuchVersion", "The requested version (\(parameters["Version"] ?? "")) is not valid.")
            }
            try throttle.admit(action, parameters)
            let content = try await perform(action, parameters)
            var xml = XMLText()
            xml.element(action + "Response", attributes: Self.namespace) {
                $0.element("requestId", requestID)
                content(&$0)
            }
            return HTTPAnswer(
                status: 200, contentType: "text/xml;charset=UTF-8",
                headers: [("x-amzn-requestid", requestID)], body: xml.document)
        } catch let error as AWSError {
            return error.ec2Answer(requestID: requestID)
        } catch {
            return AWSError("InternalError", "An internal error has occurred", status: 500)
                .ec2Answer(requestID: requestID)
        }
    }

    typealias Content = (inout XMLText) -> Void

    private func perform(_ action: String, _ parameters: QueryParameters) async throws -> Content {
        switch action {
        case "RunInstances": try await runInstances(parameters)
        case "DescribeInstances": try await describeInstances(parameters)
        case "DescribeInstanceStatus": try await describeInstanceStatus(parameters)
        case "TerminateInstances": try await change(parameters, .terminate)
        case "StopInstances": try await change(parameters, .stop)
        case "StartInstances": try await change(parameters, .start)
        case "RebootInstances": try await reboot(parameters)
        case "GetConsoleOutput": try await consoleOutput(parameters)
        case "CreateTags": try await createTags(parameters)
        case "DeleteTags": try await deleteTags(parameters)
        case "DescribeTags": try await describeTags(parameters)
        case "ModifyInstanceAttribute": try await modifyInstanceAttribute(parameters)
        case "DescribeVolumes": try await describeVolumes(parameters)
        case "DeleteVolume": try await deleteVolume(parameters)
        case "CreateSnapshot": try await createSnapshot(parameters)
        case "DescribeSnapshots": try await describeSnapshots(parameters)
        case "DeleteSnapshot": try await deleteSnapshot(parameters)
        case "DescribeSubnets": try await describeSubnets(parameters)
        case "DescribeImages": try await describeImages(parameters)
        case "DescribeSecurityGroups": try await describeSecurityGroups(parameters)
        case "CreateSecurityGroup": try await createSecurityGroup(parameters)
        case "DeleteSecurityGroup": try await deleteSecurityGroup(parameters)
        case "AuthorizeSecurityGroupIngress": try await changeRules(parameters, ingress: true, add: true)
        case "RevokeSecurityGroupIngress": try await changeRules(parameters, ingress: true, add: false)
        case "AuthorizeSecurityGroupEgress": try await changeRules(parameters, ingress: false, add: true)
        case "RevokeSecurityGroupEgress": try await changeRules(parameters, ingress: false, add: false)
        default:
            throw AWSError("InvalidAction", "The action \(action) is not valid for this web service.")
        }
    }
}
