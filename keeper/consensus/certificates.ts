import type { Certificate } from "../../protocol/certificate.ts";
import type { CommitMessage, DecidedMessage } from "./messages.ts";

/** Equal for equal certificates only. */
export function certificateKey(certificate: Certificate): string {
  const { term, epoch, round, resultsRoot, exceptionsRoot, exceptions, absent, leader } = certificate;
  return [term, epoch, round, resultsRoot, exceptionsRoot, exceptions, absent, leader].join();
}

/** Commits to the certificate, one per member, ascending. */
export function commitsTo(certificate: Certificate, { commits }: DecidedMessage): CommitMessage[] {
  const subject = certificateKey(certificate);
  const same = commits.filter((vote) => certificateKey(vote.certificate) === subject);
  return [...new Map(same.map((vote) => [vote.member, vote])).values()].sort((a, b) => a.member - b.member);
}
