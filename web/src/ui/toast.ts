import { notifications } from "@mantine/notifications";
import { asProblem } from "../api/client";

const closeButtonProps = { "aria-label": "Close" };

/** Says in passing that something was done. */
export function done(message: string): void {
  notifications.show({ message, color: "teal", autoClose: 4000, withBorder: true, closeButtonProps });
}

/** Says in passing that something did not work, where no form is there to say it. */
export function failed(error: unknown): void {
  const problem = asProblem(error);
  notifications.show({
    title: problem.status === 401 ? "You are signed out" : problem.title,
    message: problem.status === 401 ? "Nothing was changed. Sign in, then do it again." : problem.detail,
    color: "red",
    autoClose: 10_000,
    withBorder: true,
    closeButtonProps,
  });
}
